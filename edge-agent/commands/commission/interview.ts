/**
 * The walk with a technician in front of the meter: each tag is shown as device, agent and hub have it, the display's
 * reading is typed, and what differs is explained. Enter alone opens the other choices.
 */
import { log, select, text } from '@clack/prompts';
import { InterruptedError } from '../../../config/process.ts';
import { type Decoding, decodingsOf } from '../../../protocols/modbus/decodings.ts';
import type { Comparison } from '../../commissioning/compare.ts';
import { latestOf, type Observed, observe, TagChangedError } from '../../commissioning/observe.ts';
import { compareRead, type Read, rawText, rowOf } from '../../commissioning/row.ts';
import { type Suggestion, suggestionText } from '../../commissioning/suggest.ts';
import type { WalkTag } from '../../commissioning/tags.ts';
import { plain } from '../../terminal/plain.ts';
import { tableLines } from '../../terminal/table.ts';
import { correct, correctionOf } from './correct.ts';
import { suggestionsFor } from './from-readings.ts';
import { unanswered, type WalkContext } from './walk-context.ts';

type Move = 'next' | 'again' | 'back' | 'undo' | 'quit';
type Latest = Observed['latest'];

/** Resolves when every tag has its answer, or the technician leaves off: then `finished` is false. */
export async function walkWithTechnician(
  context: WalkContext,
  options: { readonly tolerancePercent: number },
): Promise<{ finished: boolean }> {
  const total = context.tags.length;
  let visiting: string | undefined;
  for (;;) {
    const left = unanswered(context);
    const tag = context.tags.find(({ path }) => path === visiting) ?? left[0];
    if (!tag) return { finished: true };
    log.step(`${total - left.length + 1}/${total}  ${tag.path}   ${plain(`${tag.source}: ${tag.address}`)}`);
    const move = await visit(context, tag, options.tolerancePercent).catch((error) => changed(context, tag, error));
    if (move === 'quit') return { finished: false };
    visiting = undefined;
    if (move === 'again') visiting = tag.path;
    else if (move === 'undo') visiting = context.walk.undo()?.path ?? tag.path;
    else if (move === 'back') {
      const at = context.tags.findIndex(({ path }) => path === tag.path);
      visiting = context.tags[Math.max(0, at - 1)]!.path;
    }
  }
}

/** Somebody has changed the configuration while the technician looked: the tag is shown anew, as it is now. */
async function changed(context: WalkContext, { path }: WalkTag, error: unknown): Promise<Move> {
  if (!(error instanceof TagChangedError)) throw error;
  log.warn(`${error.message}: here is what the agent has now.`);
  await context.again(path);
  return 'again';
}

async function visit(context: WalkContext, tag: WalkTag, tolerancePercent: number): Promise<Move> {
  const { agent, walk, look, loaded } = context;
  const observed = await observe(tag, loaded.config.site, agent, look);
  log.message(observedLines(tag, observed).join('\n'));
  const typed = await answered(
    text({
      message: `What does the display show?${tag.unit ? ` (${tag.unit})` : ''}`,
      placeholder: 'a reading, with its unit where it has another; Enter alone for more',
      signal: context.signal,
    }),
  );
  const displayed = typed.trim();
  const after = await latestOf(tag, agent);
  const read: Read = { displayed, tolerancePercent, counterTolerancePercent: 0 };
  const comparison = compareRead(tag, observed, after, read);
  const answer = (verdict: 'accepted' | 'rejected' | 'skipped', note?: string): Move => {
    walk.answer(rowOf(tag, observed, after, read, comparison, { verdict, note }));
    return 'next';
  };
  if (displayed === '') {
    const chosen = await choose(context, 'Instead of a reading', [
      ['skip', 'Skip this tag: it stays not commissioned'],
      ['again', 'Look again'],
      ['undo', 'Undo the last answer'],
      ['back', 'Back to the tag before'],
      ['quit', 'Leave off; this goes on from here the next time'],
    ]);
    return chosen === 'skip' ? answer('skipped') : chosen;
  }
  if (comparison.agrees) {
    log.success(`agrees: ${valueText(tag, after)} within ± ${comparison.tolerance ?? 0} ${tag.unit}`);
    return answer('accepted');
  }
  return differs(context, tag, observed, after, read, comparison, answer);
}

async function differs(
  context: WalkContext,
  tag: WalkTag,
  observed: Observed,
  after: Latest,
  read: Read,
  comparison: Comparison,
  answer: (verdict: 'accepted' | 'rejected' | 'skipped', note?: string) => Move,
): Promise<Move> {
  const isUnknown = comparison.agrees === null;
  const suggestions = isUnknown ? [] : suggestionsFor(tag, observed, read).slice(0, 4);
  if (isUnknown) log.warn(`The agent has ${valueText(tag, after)}: only you can tell whether that is the same.`);
  else log.error(`differs: the agent has ${valueText(tag, after)}${comparison.hint ? `; ${comparison.hint}` : ''}`);
  if (!isUnknown && tag.registers && observed.inspection?.kind === 'modbus') {
    log.message(decodingLines(decodingsOf(observed.inspection.words), suggestions, tag.registers).join('\n'));
  }
  const chosen = await choose(context, isUnknown ? 'Is it the same?' : 'What now?', [
    ...suggestions.map((suggestion, i) => [`${i}`, `Correct it: ${suggestionText(suggestion)} ${tag.unit}`] as const),
    ['type', 'Type the reading again'],
    ['accept', isUnknown ? 'Yes, accept' : 'Accept all the same, and say why'],
    ['reject', 'Reject, and say why'],
    ['skip', 'Skip this tag'],
    ['quit', 'Leave off; this goes on from here the next time'],
  ]);
  if (chosen === 'type') return 'again';
  if (chosen === 'quit') return 'quit';
  if (chosen === 'skip') return answer('skipped');
  if (chosen === 'accept') return answer('accepted', isUnknown ? undefined : await why(context));
  if (chosen === 'reject') return answer('rejected', await why(context));
  return applied(context, tag, suggestions[Number(chosen)]!, read);
}

async function applied(context: WalkContext, tag: WalkTag, suggestion: Suggestion, read: Read): Promise<Move> {
  const made = await correct(context, tag, suggestion);
  if ('byHand' in made) {
    log.warn(made.byHand);
    return 'again';
  }
  const { agent, look, loaded, walk } = context;
  const observed = await observe(made.tag, loaded.config.site, agent, look);
  const comparison = compareRead(made.tag, observed, observed.latest, read);
  const told = `${valueText(made.tag, observed.latest)}, the display showed ${read.displayed}`;
  if (!comparison.agrees) {
    log.error(`changed, and still different: ${told}`);
    return 'again';
  }
  log.success(`corrected: ${told}`);
  const correction = correctionOf(suggestion);
  walk.answer(rowOf(made.tag, observed, observed.latest, read, comparison, { verdict: 'corrected', correction }));
  return 'next';
}

function observedLines(tag: WalkTag, { inspection, rawReason, latest, hubValue, hubReason }: Observed): string[] {
  const raw = inspection ? plain(rawText(inspection)) : rawReason;
  const hub = hubValue ? `${valueText(tag, hubValue)}   ${clockOf(hubValue.time)}` : hubReason;
  return [
    `device  ${raw}`,
    `agent   ${valueText(tag, latest)}${latest ? `   ${latest.qualityName}, ${clockOf(latest.time)}` : ''}`,
    `hub     ${hub}`,
  ];
}

function valueText(tag: WalkTag, found: { readonly value: unknown } | undefined): string {
  if (!found) return 'nothing yet';
  const { value } = found;
  if (value === null) return 'no value';
  if (typeof value !== 'number' || tag.scale === 1) return `${plain(String(value))} ${tag.unit}`.trim();
  return `${Number((value * tag.scale).toPrecision(12))} ${tag.unit} (${value} counts)`.trim();
}

const tehran = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Tehran', timeStyle: 'medium' });
const clockOf = (time: number): string => tehran.format(time / 1000);

function decodingLines(
  decodings: readonly Decoding[],
  suggestions: readonly Suggestion[],
  now: Pick<Decoding, 'format' | 'byteOrder'>,
): string[] {
  const suggested = ({ format, byteOrder }: Decoding) =>
    suggestions.some(({ changes }) => {
      const to = (key: string, kept: string) => changes.find((change) => change.key === key)?.to ?? kept;
      const isOther = changes.some(({ key }) => key === 'format' || key === 'byteOrder');
      return isOther && format === to('format', now.format) && byteOrder === to('byteOrder', now.byteOrder);
    });
  const shown = decodings.filter((decoding) => decoding.plausible || suggested(decoding)).slice(0, 12);
  return tableLines(
    [{ title: 'FORMAT' }, { title: 'BYTE ORDER' }, { title: 'VALUE', align: 'right' }, { title: '' }],
    shown.map((each) => [each.format, each.byteOrder, each.text, suggested(each) ? '<- as on the display' : '']),
  );
}

async function why({ signal }: WalkContext): Promise<string> {
  const given = await answered(
    text({ message: 'Why?', validate: (value) => (value?.trim() ? undefined : 'Nothing was typed.'), signal }),
  );
  return given.trim();
}

async function choose<T extends string>(
  { signal }: WalkContext,
  message: string,
  choices: readonly (readonly [T, string])[],
): Promise<T> {
  const options = choices.map(([value, label]) => ({ value: value as string, label }));
  return (await answered(select<string>({ message, options, signal }))) as T;
}

/** Ctrl-C in a question: what was answered before is kept. */
async function answered(prompt: Promise<string | symbol>): Promise<string> {
  const answer = await prompt;
  if (typeof answer === 'string') return answer;
  throw new InterruptedError('left off: what was answered is kept, the next walk goes on from here');
}

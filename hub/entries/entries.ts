/**
 * Entries with everything around them: checked, kept, and put into the plants that figures are computed with. Undo
 * takes back the last change of an entry; once more, it brings it again. What is withdrawn says nothing any more, however
 * often it was corrected.
 */
import { RejectedError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Plant, Unit } from '../plant/plant.ts';
import { type Span, type Spans, union } from '../plant/spans.ts';
import { joined, type Words } from '../words.ts';
import { checkEntry, type EntryMistake } from './check-entry.ts';
import type { EntryContent, EntryRevision } from './entry.ts';
import type { EntryLog } from './entry-log.ts';
import { withEntries } from './with-entries.ts';

/** What is wrong with an entry, field by field. */
export class EntryRefused extends RejectedError {
  readonly mistakes: readonly EntryMistake[];
  /** All of them in one sentence. */
  readonly said: Words;
  constructor(mistakes: readonly EntryMistake[]) {
    const said = joined(
      mistakes.map(({ field, message }) => joined([field, message], ' ')),
      '; ',
    );
    super(said.en, { reason: 'entry' });
    this.mistakes = mistakes;
    this.said = said;
  }
}

export interface By {
  readonly author: string;
  readonly why: string;
}

export interface Entries extends Pick<EntryLog, 'list' | 'history' | 'changes'> {
  /** The models in force with what is entered. */
  plants(): readonly Plant[];
  /** Whether it could be added now. @throws {EntryRefused} */
  check(site: string, content: EntryContent): void;
  /** @throws {EntryRefused} */
  add(site: string, content: EntryContent, by: By): EntryRevision;
  /** @throws {EntryRefused} */
  correct(entry: number, content: EntryContent, by: By): EntryRevision;
  /** @throws {EntryRefused} what would be in force again contradicts what has come since. */
  undo(entry: number, by: By): EntryRevision;
  /** @throws {EntryRefused} it is not in force. */
  withdraw(entry: number, by: By): EntryRevision;
}

export interface EntriesOptions {
  readonly log: EntryLog;
  /** The models in force as they were applied. */
  plants(): readonly Plant[];
  hasCounters(plant: Plant, unit: Unit): boolean;
  readonly clock: { now(): TimeUs };
}

export function createEntries({ log, plants, hasCounters, clock }: EntriesOptions): Entries {
  const entered = new WeakMap<Plant, { readonly newest: number; readonly plant: Plant }>();

  const contentsOf = (site: string, but?: number): EntryContent[] =>
    log.list({ site }).flatMap(({ entry, content }) => (content && entry !== but ? [content] : []));

  const withThose = (plant: Plant): Plant => {
    const newest = log.newest();
    const known = entered.get(plant);
    if (known?.newest === newest) return known.plant;
    const fresh = { newest, plant: withEntries(plant, contentsOf(plant.path), log.firstTold(plant.path)) };
    entered.set(plant, fresh);
    return fresh.plant;
  };

  const plantOf = (site: string): Plant => {
    const plant = plants().find(({ path }) => path === site);
    if (plant) return plant;
    throw new EntryRefused([
      {
        field: 'asset',
        message: {
          en: 'is of a site without a plant model; apply one first',
          fa: 'از کارخانه‌ای بی‌مدل است؛ نخست مدلی اعمال کنید',
        },
      },
    ]);
  };

  const check = (plant: Plant, content: EntryContent, others: readonly EntryContent[]): void => {
    const mistakes = checkEntry(content, {
      plant,
      others: others.filter(({ kind, asset }) => kind === content.kind && asset === content.asset),
      hasCounters: (unit) => hasCounters(plant, unit),
      now: clock.now(),
    });
    if (mistakes.length > 0) throw new EntryRefused(mistakes);
  };

  /** One more line of an entry, or its first one; `null` takes it away. */
  const write = (
    site: string,
    before: EntryRevision | undefined,
    content: EntryContent | null,
    by: By,
  ): EntryRevision => {
    const plant = plantOf(site);
    const others = contentsOf(site, before?.entry);
    const old = before?.content ?? undefined;
    if (content) check(plant, content, others);
    const [was, is] = [old, content].map((one) => withEntries(plant, one ? [...others, one] : others));
    const written = [old, content].filter((one) => one !== undefined && one !== null);
    const touches = union(...written.map((one) => [...spansOf(one), ...turned(was!, is!, one.asset)]));
    const { kind } = content ?? lastContent(log, before!.entry);
    return log.append({ entry: before?.entry, site, kind, content, ...by, touches });
  };

  const last = (entry: number): EntryRevision => log.history(entry).at(-1)!;

  return {
    list: log.list,
    history: log.history,
    changes: log.changes,
    plants: () => plants().map(withThose),
    check: (site, content) => check(plantOf(site), content, contentsOf(site)),
    add: (site, content, by) => write(site, undefined, content, by),
    correct(entry, content, by) {
      const before = last(entry);
      const { kind } = lastContent(log, entry);
      if (kind !== content.kind) {
        throw new EntryRefused([
          {
            field: 'kind',
            message: {
              en: `is "${kind}" in this entry; withdraw it and add another`,
              fa: `در این ثبت «${kind}» است؛ آن را پس بگیرید و دیگری ثبت کنید`,
            },
          },
        ]);
      }
      return write(before.site, before, content, by);
    },
    undo(entry, by) {
      const history = log.history(entry);
      return write(history[0]!.site, history.at(-1)!, history.at(-2)?.content ?? null, by);
    },
    withdraw(entry, by) {
      const before = last(entry);
      if (before.content) return write(before.site, before, null, by);
      throw new EntryRefused([{ field: 'id', message: { en: 'is not in force', fa: 'دیگر برقرار نیست' } }]);
    },
  };
}

const lastContent = (log: EntryLog, entry: number): EntryContent =>
  log.history(entry).findLast(({ content }) => content !== null)!.content!;

/** Where the elements of cells follow from it; readings and bills are held against them elsewhere. */
function spansOf(content: EntryContent): Span[] {
  if (content.kind === 'reading' || content.kind === 'bill') return [];
  const own = { start: content.from, end: content.to };
  return content.kind === 'order' && content.planned ? [own, content.planned] : [own];
}

/** Time of which it is now otherwise known whether there was an order at all, or a plan, or anybody tells of the place. */
function turned(before: Plant, after: Plant, asset: string): Spans {
  const toldFrom = ({ inspections, attendances }: Plant) =>
    [inspections, attendances].map((told) => told.get(asset)?.said[0]?.start ?? Number.MAX_SAFE_INTEGER);
  const [was, is] = [toldFrom(before), toldFrom(after)];
  const told = was.flatMap((from, at) => (from === is[at] ? [] : [Math.min(from, is[at]!)]));
  return [...told.map((start) => ({ start, end: Number.MAX_SAFE_INTEGER })), ...turnedOrders(before, after, asset)];
}

function turnedOrders(before: Plant, after: Plant, asset: string): Spans {
  const [old, fresh] = [before, after].map(({ units }) => units.find(({ path }) => path === asset));
  if (!old || !fresh) return [];
  const isPlanned = ({ orderList }: Unit) => orderList.some(({ quantity }) => quantity !== undefined);
  if (old.ordersFrom === fresh.ordersFrom && isPlanned(old) === isPlanned(fresh)) return [];
  const start = Math.max(Math.min(old.ordersFrom, fresh.ordersFrom), Number.MIN_SAFE_INTEGER);
  return [{ start, end: Number.MAX_SAFE_INTEGER }];
}

/** An agent's report for a person: link, buffer and sources in a few lines, then what is wrong and what to do. */
import { createFormat, type Format } from '../status/page/format.js';
import { type Words, words } from '../status/page/words.js';
import type { Language } from '../status/problems.ts';
import type { AgentReport, SourceReport } from '../status/report.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** In the words of the agent's page. */
export async function printReport(report: AgentReport, lang: Language, terminal: Terminal): Promise<void> {
  const { now, link, buffer, config } = report;
  const [say, f] = [words[lang], createFormat(lang)];
  // Names and addresses read from left to right, within a line that runs the other way.
  const name = (text: string) => (lang === 'fa' ? `\u2066${text}\u2069` : text);
  const comma = lang === 'fa' ? '، ' : ', ';
  const seconds = (time: number) => (now - time) / 1e6;
  terminal.print(
    `${terminal.style('bold', name(report.agent))} · ${say.place} ${name(report.site)}${comma}` +
      `${say.version(name(report.version))}${comma}${say.running(f.span(seconds(report.startedAt)))}`,
  );
  terminal.print(`${say.config(f.count(config.version), f.since(config.appliedAt, now))}: ${name(config.file)}`);
  const state = terminal.style(link.state === 'forwarding' ? 'green' : 'yellow', say.link[link.state]);
  const error = link.error === undefined ? '' : `: ${name(link.error)}`;
  terminal.print(`${say.hub}: ${state} (${f.span(seconds(link.stateSince))})${comma}${name(link.broker)}${error}`);
  const waiting = link.backlog === 0 ? say.empty : `${f.count(link.backlog)} ${say.backlog(link.backlog)}`;
  const oldest = buffer.oldestAt === undefined ? [] : [say.oldest(f.age(seconds(buffer.oldestAt)))];
  const { bytes, pendingBytes, maxBytes, replaySamples, evicted, corrupt } = buffer;
  const used = [
    say.quota(f.bytes(pendingBytes), f.bytes(maxBytes), f.percent(pendingBytes / maxBytes)),
    ...(replaySamples > 0 ? [say.replay(f.count(replaySamples), f.bytes(bytes - pendingBytes))] : []),
    ...(evicted > 0 ? [say.evicted(f.count(evicted))] : []),
    ...(corrupt > 0 ? [say.corrupt(f.count(corrupt))] : []),
    say.diskFree(f.bytes(buffer.diskFreeBytes)),
  ];
  terminal.print(`${say.buffer}: ${[waiting, ...oldest, ...used].join(comma)}`);
  terminal.print();
  printSources(report.sources, now, { say, f, name, terminal });
  await printProblems(report, lang, { say, terminal });
}

interface Page {
  readonly say: Words;
  readonly f: Format;
  readonly name: (text: string) => string;
  readonly terminal: Terminal;
}

function printSources(sources: readonly SourceReport[], now: number, { say, f, name, terminal }: Page): void {
  const right = 'right' as const;
  const { good, uncertain, bad, silent } = say.severities;
  const columns = [
    { title: say.device },
    { title: '' },
    { title: '', align: right },
    ...[good, uncertain, bad, silent, say.lost].map((title) => ({ title, align: right })),
    { title: '' },
  ];
  const rows = sources.map(({ id, state, stateSince, tags, lost, target }) => {
    // Of a device that is away these are the last known ones, which nobody vouches for now.
    const ofNow = (count: number) => (state === 'up' ? f.count(count) : '-');
    return [
      name(id),
      terminal.style(state === 'up' ? 'green' : 'red', say.state[state]),
      f.span((now - stateSince) / 1e6),
      ofNow(tags.good),
      ofNow(tags.uncertain),
      tags.bad > 0 ? terminal.style('red', ofNow(tags.bad)) : ofNow(tags.bad),
      f.count(tags.silent),
      f.count(lost),
      name(target),
    ];
  });
  terminal.printTable(columns, rows);
}

async function printProblems(
  { problems }: AgentReport,
  lang: Language,
  { say, terminal }: Pick<Page, 'say' | 'terminal'>,
): Promise<void> {
  terminal.print();
  if (problems.length === 0) return terminal.print(terminal.style('green', `${say.well}.`));
  const { problemWords } = await import('../status/problems.ts');
  const f = createFormat(lang);
  for (const problem of problems) {
    const { what, means, todo } = problemWords(problem, lang);
    const severity = say.severity[problem.severity];
    terminal.print(terminal.style(problem.severity === 'error' ? 'red' : 'yellow', `${severity}: ${what}`));
    terminal.print(`   ${means}`);
    for (const [step, text] of todo.entries()) terminal.print(`   ${f.count(step + 1)}. ${text}`);
  }
}

/** An agent's report for a person: link, buffer and sources in a few lines, then what is wrong and what to do. */

import type { AgentReport, SourceReport } from '../status/report.ts';
import { bytesText, durationText } from '../terminal/duration.ts';
import type { Terminal } from '../terminal/terminal.ts';

export async function printReport(report: AgentReport, terminal: Terminal): Promise<void> {
  const { now, link, buffer, config } = report;
  const since = (time: number) => durationText((now - time) / 1000);
  const line = (title: string, text: string) => terminal.print(`${title.padEnd(8)}${text}`);
  line(
    'agent',
    `${terminal.style('bold', report.agent)} of ${report.site}, version ${report.version}, up ${since(report.startedAt)}`,
  );
  line('config', `${config.file}, version ${config.version} since ${since(config.appliedAt)}`);
  const state = terminal.style(link.state === 'forwarding' ? 'green' : 'yellow', link.state);
  line('hub', `${state} for ${since(link.stateSince)} over ${link.broker}${link.error ? `: ${link.error}` : ''}`);
  const oldest = buffer.oldestAt === undefined ? '' : `, the oldest ${since(buffer.oldestAt)} old`;
  line('buffer', `${link.backlog} samples wait${oldest}; ${bytesText(buffer.bytes)} of ${bytesText(buffer.maxBytes)}`);
  line('disk', `${bytesText(buffer.diskFreeBytes)} free`);
  terminal.print();
  printSources(report.sources, now, terminal);
  await printProblems(report, terminal);
}

function printSources(sources: readonly SourceReport[], now: number, terminal: Terminal): void {
  const right = 'right' as const;
  const columns = [
    { title: 'SOURCE' },
    { title: 'STATE' },
    { title: 'FOR' },
    { title: 'GOOD', align: right },
    { title: 'UNCERTAIN', align: right },
    { title: 'BAD', align: right },
    { title: 'SILENT', align: right },
    { title: 'LOST', align: right },
    { title: 'TARGET' },
  ];
  const rows = sources.map(({ id, state, stateSince, tags, lost, target }) => [
    id,
    terminal.style(state === 'up' ? 'green' : 'red', state),
    durationText((now - stateSince) / 1000),
    // Of a device that is away these are the last known ones, which nobody vouches for now.
    state === 'up' ? tags.good : '-',
    state === 'up' ? tags.uncertain : '-',
    state !== 'up' ? '-' : tags.bad > 0 ? terminal.style('red', String(tags.bad)) : 0,
    tags.silent,
    lost,
    target,
  ]);
  terminal.printTable(columns, rows);
}

async function printProblems({ problems }: AgentReport, terminal: Terminal): Promise<void> {
  terminal.print();
  if (problems.length === 0) return terminal.print(terminal.style('green', 'All is well.'));
  const { problemWords } = await import('../status/problems.ts');
  for (const problem of problems) {
    const { what, means, todo } = problemWords(problem, 'en');
    terminal.print(terminal.style(problem.severity === 'error' ? 'red' : 'yellow', `${problem.severity}: ${what}`));
    terminal.print(`   ${means}`);
    for (const [step, text] of todo.entries()) terminal.print(`   ${step + 1}. ${text}`);
  }
}

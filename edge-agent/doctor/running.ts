/**
 * What a running agent knows of its own connections. They are asked of it rather than tried beside it: a second login
 * at the broker would end the first, a serial line has one user, and small devices bear one connection.
 */
import { problemWords } from '../status/problems.ts';
import type { AgentReport, Problem } from '../status/report.ts';
import { type Check, type Finding, good, note } from './check.ts';

const told = (name: string, findings: readonly Finding[]): Check => ({
  name,
  timeoutMs: 1000,
  run: async () => findings,
});

/** Of the agent itself, of the broker, and of each source that it runs; the rest are still to be tried. */
export function runningChecks(report: AgentReport): {
  readonly agent: Check;
  readonly broker: Check;
  readonly sources: ReadonlyMap<string, Check>;
} {
  const { agent, version, config, link, sources, problems } = report;
  const ofSource = new Map(sources.map(({ id }) => [id, problems.filter(({ subject }) => subject === id)]));
  const linkCodes = new Set([
    'broker-away',
    'broker-refuses',
    'quarantined',
    'hub-away',
    'buffer-regressed',
    'backlog-grows',
  ]);
  const ofLink = problems.filter(({ code }) => linkCodes.has(code));
  const others = problems.filter(
    (problem) => !ofLink.includes(problem) && !ofSource.get(problem.subject ?? '')?.includes(problem),
  );
  return {
    agent: told('running agent', [
      good(
        `${agent} ${version} runs, with version ${config.version} of ${config.file}; its connections are asked of it`,
      ),
      ...others.map(findingOf),
    ]),
    broker: told('broker', [
      link.state === 'forwarding'
        ? good(`the agent sends to ${link.broker}`)
        : note(`the agent is ${link.state}: ${link.broker}`),
      ...ofLink.map(findingOf),
    ]),
    sources: new Map(
      sources.map(({ id, target, state, error, tags }) => {
        const how =
          state === 'up'
            ? good(`the agent is connected; ${tags.good} tags are good, ${tags.uncertain} uncertain, ${tags.bad} bad`)
            : note(`the agent is ${state === 'down' ? 'not connected' : state}${error ? `: ${error}` : ''}`);
        return [id, told(`${id} (${target})`, [how, ...ofSource.get(id)!.map(findingOf)])];
      }),
    ),
  };
}

/** That nobody has compared a tag yet keeps nothing from working. */
const findingOf = (problem: Problem): Finding => {
  const { what, means, todo } = problemWords(problem, 'en');
  if (problem.code === 'not-commissioned') return { level: 'note', text: what, todo };
  return { level: problem.severity === 'error' ? 'bad' : 'warning', text: `${what}. ${means}`, todo };
};

/**
 * What a running agent knows of its own connections. They are asked of it rather than tried beside it: a second login
 * at the broker would end the first, a serial line has one user, and small devices bear one connection.
 */
import { problemWords } from '../status/problems.ts';
import type { AgentReport, Problem, SourceReport } from '../status/report.ts';
import { bad, type Check, type Finding, good, note, warning } from './check.ts';

const told = (name: Check['name'], findings: readonly Finding[]): Check => ({
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
  const { agent, version, config, sources, problems } = report;
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
    agent: told(
      (say) => say.names.agent,
      [good((say) => say.agentRuns(agent, version, config.version, config.file)), ...others.map(findingOf)],
    ),
    broker: told((say) => say.names.broker, [ownWord(report, ofLink.length > 0), ...ofLink.map(findingOf)]),
    sources: new Map(
      sources.map((source) => {
        const known = ofSource.get(source.id)!;
        const isTold = known.some(({ code }) => code !== 'not-commissioned');
        const findings = [wordOf(source, report.now, isTold), ...known.map(findingOf)];
        return [source.id, told(() => `${source.id} (${source.target})`, findings)];
      }),
    ),
  };
}

/** @param isTold a problem says why, and what to do; otherwise what is not well is told here, however new it is. */
function ownWord({ link }: AgentReport, isTold: boolean): Finding {
  if (link.state === 'forwarding') return good((say) => say.sends(link.broker));
  if (isTold) return note((say) => say.sendsNot(link.state, link.broker));
  return warning((say) => say.sendsNotYet(link.state, link.broker));
}

function wordOf({ state, stateSince, error = '', tags }: SourceReport, now: number, isTold: boolean): Finding {
  if (state !== 'up') {
    if (isTold) return note((say) => say.sourceNotUp(say.state[state], error));
    return warning((say) => say.sourceNotUpYet(say.state[state], (now - stateSince) / 1e6, error));
  }
  const { good: fine, uncertain, bad: broken, silent } = tags;
  const isEmpty = silent > 0 && fine + uncertain + broken === 0;
  if (isEmpty && !isTold) return warning((say) => say.sourceUpWithoutValue(silent));
  return good((say) => say.sourceUp(fine, uncertain, broken));
}

/** Problems have words of their own. That nobody has compared a tag yet keeps nothing from working. */
function findingOf(problem: Problem): Finding {
  const isNote = problem.code === 'not-commissioned';
  const level = isNote ? note : problem.severity === 'error' ? bad : warning;
  return level(({ lang }) => {
    const { what, means, todo } = problemWords(problem, lang);
    return { text: isNote ? what : `${what}. ${means}`, todo };
  });
}

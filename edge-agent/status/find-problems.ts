/**
 * What needs a person, found in what the agent knows of itself. Pure. A fault that is the consequence of another one is
 * not told beside it: a device that is away has no bad tags, and a backlog grows because the broker is away.
 */
import { findOfBuffer, findOfLink } from './find-delivery-problems.ts';
import { findExpiring } from './find-expiring.ts';
import { findOfSource } from './find-source-problems.ts';
import { error, type ProblemContext, type Report, warning } from './problem-parts.ts';
import { type Problem, problemCodes, type TagReport } from './report.ts';

/** Everything that needs a person, the worst first. */
export function findProblems(report: Report, tags: readonly TagReport[], context: ProblemContext): Problem[] {
  const found = [
    ...findOfLink(report, context),
    ...findOfBuffer(report, context),
    ...report.sources.flatMap((source) =>
      findOfSource(
        source,
        tags.filter((tag) => tag.source === source.id),
        report,
        context,
      ),
    ),
    ...findExpiring(report, context),
    ...findOfConfig(report, context),
    ...findNotCommissioned(report),
  ];
  return found.sort((a, b) => rank(a) - rank(b) || (a.since ?? report.now) - (b.since ?? report.now));
}

const rank = ({ severity, code }: Problem): number =>
  (severity === 'error' ? 0 : problemCodes.length) + problemCodes.indexOf(code);

function findOfConfig({ config }: Report, { needsRestart }: ProblemContext): Problem[] {
  const { refused, file, version } = config;
  return [
    ...(refused
      ? [error('config-refused', { file, version, message: refused.message, at: refused.path, hint: refused.hint })]
      : []),
    ...(needsRestart.length > 0 ? [warning('config-needs-restart', { keys: needsRestart.join(', '), file })] : []),
  ];
}

function findNotCommissioned({ sources, config }: Report): Problem[] {
  const open = sources.filter(({ notCommissioned }) => notCommissioned > 0);
  if (open.length === 0) return [];
  const count = open.reduce((sum, { notCommissioned }) => sum + notCommissioned, 0);
  const details = { count, sources: open.map(({ id }) => id).join(', '), file: config.file };
  return [warning('not-commissioned', details)];
}

/**
 * Gathers what `findProblems` judges by besides the report: how things stood some minutes ago, and what expires. Files
 * are looked into rarely, since a report is asked for every second while somebody watches.
 */
import type { AgentConfig } from '../config/schema.ts';
import type { ProblemContext, Report } from './problem-parts.ts';

export interface ProblemContextSource {
  /** To be told a report now and then, watched or not: every `rememberEveryMs`. */
  remember(report: Report): void;
  /** Of the configuration that runs. */
  gather(config: AgentConfig, needsRestart: readonly string[]): Promise<ProblemContext>;
}

export const rememberEveryMs = 15_000;
/** What rose within this time is news; half of it has passed before anything is judged. */
const memoryUs = 300_000_000;
const lookAgainMs = 5000;

export function createProblemContext(): ProblemContextSource {
  let reports: Report[] = [];
  let looked: { at: number; dataDir: string; found: Promise<Trust> } | undefined;

  const trustOf = ({ dataDir, sources }: AgentConfig): Promise<Trust> => {
    if (!sources.some(({ kind }) => kind === 'opcua')) return Promise.resolve(nothing);
    const now = performance.now();
    if (looked?.dataDir !== dataDir || now - looked.at > lookAgainMs) {
      looked = { at: now, dataDir, found: look(dataDir).catch(() => nothing) };
    }
    return looked.found;
  };

  return {
    remember(report) {
      const last = reports.at(-1);
      // A clock that was set back would make rates of nothing.
      if (last && last.now >= report.now) reports = [];
      reports = [...reports.filter(({ now }) => report.now - now <= memoryUs), report];
    },
    async gather(config, needsRestart) {
      const waivers = config.sources.flatMap((source) =>
        source.kind === 'opcua' && source.security.mode === 'none'
          ? [{ source: source.id, ...source.security.waiver }]
          : [],
      );
      return { ...(await trustOf(config)), earlier: reports[0], waivers, needsRestart };
    },
  };
}

type Trust = Pick<ProblemContext, 'knownServers' | 'ownCertificateNotAfter'>;
const nothing: Trust = { knownServers: [] };

/** Only where a server is configured: the library that reads certificates is large. */
async function look(dataDir: string): Promise<Trust> {
  const { openTrustList } = await import('../../protocols/opcua/trust.ts');
  const { certificateNotAfter } = await import('../../protocols/opcua/certificate.ts');
  return { knownServers: openTrustList(dataDir).list(), ownCertificateNotAfter: certificateNotAfter(dataDir) };
}

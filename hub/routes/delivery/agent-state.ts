/** How agents and their streams stand now, from what the ledger knows of them. */
import { z } from 'zod';
import type { Clock } from '../../../protocols/clock.ts';
import { isUnder } from '../../access/scope.ts';
import { isImportAgent } from '../../ledger/imported.ts';
import type { LedgerReader, Stream } from '../../ledger/ledger.ts';
import type { Asset } from '../../plant/assets.ts';
import { formatTime, formatTimeOrNull } from '../../plant/time-text.ts';
import type { View } from '../asked/view.ts';

/** Wall time without hello or data after which an agent counts as offline. */
const onlineForMs = 30_000;

const time = z.string().nullable();

export const streamSchema = z.object({
  number: z.int(),
  agent: z.string(),
  epoch: z.string(),
  closed_at: time.meta({ description: 'when the agent began a new epoch' }),
  withdrawn_at: time.meta({ description: 'an import that was undone: its samples stay, and count for nothing' }),
  accepted: z.int().meta({ description: 'highest number that the agent is known to have given' }),
  through: z.int().meta({ description: 'every number up to here is stored or listed with its reason' }),
  stored: z.int(),
  dead_letters: z.int(),
  gaps: z.int(),
  lag_samples: z.int().meta({ description: 'accepted at the agent and not yet settled here, as far as known' }),
  lag_s: z
    .number()
    .nullable()
    .meta({ description: 'age of the newest settled frame; null when closed or before the first' }),
  manifest_revision: z.int(),
  hello_at: time,
  settled_at: time,
  last_accepted_at: time,
});
export type StreamState = z.infer<typeof streamSchema>;

export const agentSchema = z.object({
  agent: z.string(),
  sites: z.array(z.string()),
  online: z.boolean(),
  seen_at: time.meta({ description: 'newest hello or settled frame' }),
  version: z.string().nullable(),
  streams: z.int(),
  accepted: z.int(),
  settled: z.int(),
  stored: z.int(),
  dead_letters: z.int(),
  gaps: z.int(),
  lag_samples: z.int(),
  lag_s: z.number().nullable(),
  last_accepted_at: time,
  quarantine: z
    .object({ reason: z.string(), at: z.string() })
    .nullable()
    .meta({ description: 'nothing of it is taken until a person has looked' }),
});
export type AgentState = z.infer<typeof agentSchema>;

interface Sources {
  readonly ledger: LedgerReader;
  readonly clock: Clock;
}

export function streamState(stream: Stream, { ledger, clock }: Sources): StreamState {
  const accepted = Math.max(stream.through, (stream.hello?.next ?? 1) - 1);
  const lives = stream.closedAt === null && stream.lastAcceptedAt !== null;
  return {
    number: stream.number,
    agent: stream.agent,
    epoch: stream.epoch,
    closed_at: formatTimeOrNull(stream.closedAt),
    withdrawn_at: formatTimeOrNull(stream.withdrawnAt),
    accepted,
    through: stream.through,
    stored: stream.samples,
    dead_letters: stream.deadLetters,
    gaps: ledger.gapCount(stream.number),
    lag_samples: accepted - stream.through,
    lag_s: lives ? Math.max(0, clock.now() - stream.lastAcceptedAt!) / 1e6 : null,
    manifest_revision: stream.manifestRevision,
    hello_at: formatTimeOrNull(stream.helloAt),
    settled_at: formatTimeOrNull(stream.settledAt),
    last_accepted_at: formatTimeOrNull(stream.lastAcceptedAt),
  };
}

/** One entry per agent that has a stream in the view, by name. */
export function agentStates(view: View, sources: Sources): AgentState[] {
  const byAgent = Map.groupBy(
    view.streams().filter(({ agent }) => !isImportAgent(agent)),
    (stream) => stream.agent,
  );
  const sites = sitesByAgent(view);
  return [...byAgent]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([agent, streams]) => agentState(agent, streams, sites.get(agent) ?? [], sources));
}

function agentState(agent: string, streams: readonly Stream[], sites: readonly string[], sources: Sources): AgentState {
  const { clock, ledger } = sources;
  const quarantine = ledger.quarantines().get(agent);
  const states = streams.map((stream) => streamState(stream, sources));
  const sum = (key: 'accepted' | 'through' | 'stored' | 'dead_letters' | 'gaps' | 'lag_samples'): number =>
    states.reduce((total, state) => total + state[key], 0);
  const current = streams.findLast((stream) => stream.closedAt === null) ?? streams.at(-1)!;
  const seenAt = Math.max(...streams.map((stream) => Math.max(stream.helloAt ?? 0, stream.settledAt ?? 0)));
  return {
    agent,
    sites: [...sites],
    online: clock.wallMs((clock.now() - seenAt) / 1000) < onlineForMs,
    seen_at: seenAt === 0 ? null : formatTimeOrNull(seenAt),
    version: current.hello?.version ?? null,
    streams: streams.length,
    accepted: sum('accepted'),
    settled: sum('through'),
    stored: sum('stored'),
    dead_letters: sum('dead_letters'),
    gaps: sum('gaps'),
    lag_samples: sum('lag_samples'),
    lag_s: states.find((state) => state.number === current.number)!.lag_s,
    last_accepted_at: formatTimeOrNull(current.lastAcceptedAt),
    quarantine: quarantine ? { reason: quarantine.reason, at: formatTime(quarantine.at) } : null,
  };
}

/** The sites of the plant model that an agent's tags lie below. */
function sitesByAgent(view: View): Map<string, string[]> {
  const sites = view.assets().filter((asset: Asset) => asset.level === 'site');
  const byAgent = new Map<string, string[]>();
  for (const tag of view.tags()) {
    const site = sites.find(({ path }) => isUnder(tag.path, path))?.path;
    const list = byAgent.get(tag.agent) ?? [];
    if (site !== undefined && !list.includes(site)) list.push(site);
    byAgent.set(tag.agent, list);
  }
  return byAgent;
}

/** What a new configuration changes about the one that runs. Pure. */
import { canonicalJson, type Json } from '../../protocols/canonical-json.ts';
import { type AgentConfig, keysOfStart } from './schema.ts';

export interface SourceDifference {
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  readonly restarted: readonly string[];
  readonly unchanged: readonly string[];
}

/** By what the entries mean, defaults filled in: order, comments and ways of writing are no change. */
export function diffSources(before: AgentConfig['sources'], after: AgentConfig['sources']): SourceDifference {
  const old = new Map(before.map((source) => [source.id, meaningOf(source)]));
  const now = new Map(after.map((source) => [source.id, meaningOf(source)]));
  const both = [...now.keys()].filter((id) => old.has(id));
  return {
    started: [...now.keys()].filter((id) => !old.has(id)),
    stopped: [...old.keys()].filter((id) => !now.has(id)),
    restarted: both.filter((id) => old.get(id) !== now.get(id)),
    unchanged: both.filter((id) => old.get(id) === now.get(id)),
  };
}

/** Keys whose change waits for the next start. */
export const waitingForStart = (running: AgentConfig, wanted: AgentConfig): string[] =>
  keysOfStart.filter((key) => meaningOf(running[key]) !== meaningOf(wanted[key]));

const meaningOf = (value: unknown): string => canonicalJson(value as Json);

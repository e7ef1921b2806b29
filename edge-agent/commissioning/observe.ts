/**
 * What is to be seen of one tag just now: in the device, at the agent, at the hub. The running agent is asked over its own
 * socket, so no device gets a second connection.
 */
import type { HubReason, RawReason } from '../../protocols/commissioning.ts';
import { ConnectionError, RejectedError } from '../../protocols/errors.ts';
import type { Inspection, InspectRequest } from '../../protocols/inspect.ts';
import type { TagReport } from '../status/report.ts';
import { type HubAccount, type HubValue, hubValues } from './hub.ts';
import type { WalkTag } from './tags.ts';

/** The running agent. Errors as of `askAgent`. */
export interface RunningAgent {
  tags(source?: string): Promise<readonly TagReport[]>;
  inspect(source: string, request: InspectRequest): Promise<Inspection>;
}

export interface Observed {
  readonly inspection?: Inspection | undefined;
  readonly rawReason?: RawReason | undefined;
  readonly latest: TagReport['latest'];
  readonly hubValue?: HubValue | undefined;
  readonly hubReason?: HubReason | undefined;
}

export type HubLook = (fullPath: string) => Promise<Pick<Observed, 'hubValue' | 'hubReason'>>;

/** A hub that was away is left alone for a while: nobody wants to wait for it at every tag. */
const awayMs = 20_000;
const freshMs = 2000;

/** Asks the hub for one tag at a time, or for all of a site at once where many are visited in a moment. */
export function createHubLook(
  hub: HubAccount | undefined,
  { agent, site }: { agent: string; site: string },
  { wholeSite }: { wholeSite: boolean },
  signal: AbortSignal,
): HubLook {
  let awayUntil = Number.NEGATIVE_INFINITY;
  let known: { readonly at: number; readonly values: Map<string, HubValue | undefined> } | undefined;
  return async (fullPath) => {
    if (!hub) return { hubReason: 'not-asked' };
    if (performance.now() < awayUntil) return { hubReason: 'unreachable' };
    try {
      const isFresh = wholeSite && known && performance.now() - known.at < freshMs;
      if (!isFresh) {
        known = { at: performance.now(), values: await hubValues(hub, agent, wholeSite ? site : fullPath, signal) };
      }
      const hubValue = known!.values.get(fullPath);
      if (hubValue) return { hubValue };
      return { hubReason: known!.values.has(fullPath) ? 'no-value' : 'unknown' };
    } catch (error) {
      if (error instanceof RejectedError) return { hubReason: 'refused' };
      if (!(error instanceof ConnectionError)) throw error;
      awayUntil = performance.now() + awayMs;
      return { hubReason: 'unreachable' };
    }
  };
}

/** Everything at about the same time: the device first, since it moves the most. */
export async function observe(tag: WalkTag, site: string, agent: RunningAgent, hub: HubLook): Promise<Observed> {
  const raw = await inspect(tag, agent);
  const latest = await latestOf(tag, agent);
  return { ...raw, latest, ...(await hub(`${site}/${tag.path}`)) };
}

export async function latestOf({ source, path }: WalkTag, agent: RunningAgent): Promise<TagReport['latest']> {
  return (await agent.tags(source)).find((tag) => tag.path === path)?.latest;
}

async function inspect(
  { source, inspect: request }: WalkTag,
  agent: RunningAgent,
): Promise<Pick<Observed, 'inspection' | 'rawReason'>> {
  if (!request) return { rawReason: 'unknown' };
  try {
    return { inspection: await agent.inspect(source, request) };
  } catch (error) {
    if (error instanceof ConnectionError) return { rawReason: 'disconnected' };
    if (error instanceof RejectedError) return { rawReason: 'refused' };
    throw error;
  }
}

/**
 * What is to be seen of one tag just now: in the device, at the agent, at the hub. The running agent is asked over its own
 * socket, so no device gets a second connection.
 */
import type { HubReason, RawReason } from '../../protocols/commissioning.ts';
import { ConnectionError, RejectedError } from '../../protocols/errors.ts';
import type { Inspection, InspectRequest } from '../../protocols/inspect.ts';
import type { TagReport } from '../status/report.ts';
import { declaredKey } from './declared.ts';
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

/**
 * The tag is declared otherwise than when the walk came to it, or is gone: its words and its value would not belong
 * together.
 */
export class TagChangedError extends Error {
  override readonly name = 'TagChangedError';
}

/** Everything at about the same time: the device first, since it moves the most. @throws {TagChangedError} */
export async function observe(tag: WalkTag, site: string, agent: RunningAgent, hub: HubLook): Promise<Observed> {
  const raw = await inspect(tag, agent);
  const latest = await latestOf(tag, agent);
  return { ...raw, latest, ...(await hub(`${site}/${tag.path}`)) };
}

/** The agent's newest value of this very tag. @throws {TagChangedError} */
export async function latestOf(tag: WalkTag, agent: RunningAgent): Promise<TagReport['latest']> {
  const report = (await agent.tags(tag.source)).find(({ path }) => path === tag.path);
  if (report && declaredKey(report) === declaredKey(tag)) return report.latest;
  throw new TagChangedError(report ? `${tag.path} was changed meanwhile` : `${tag.path} is gone from the agent`);
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

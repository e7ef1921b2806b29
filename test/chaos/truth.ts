/**
 * What the field shows: every value names its agent, its tag and the moment in which it was true. So whatever a store
 * holds can be told right or wrong without knowing who read it or when.
 */

/** Tags of one agent. Each is a 32-bit register of unit 1, at twice its index. */
const maxTagsPerAgent = 8192;
/** All values change this often, and agents read them as often. */
export const tickMs = 250;

const ticks = 65_536;

export const tickAt = (timeMs: number): number => Math.floor(timeMs / tickMs) % ticks;

/** Upper half: the tick. Lower half: agent and tag. */
export const shownValue = (agent: number, tag: number, tick: number): number =>
  tick * 65_536 + agent * maxTagsPerAgent + tag;

/** How far the value's moment is from a time, in ms; undefined when it is not this tag's value at all. */
export function msOff(value: number, agent: number, tag: number, timeUs: number): number | undefined {
  if (!Number.isInteger(value) || value % 65_536 !== agent * maxTagsPerAgent + tag) return undefined;
  const difference = (Math.floor(value / 65_536) - tickAt(timeUs / 1000) + ticks) % ticks;
  return Math.min(difference, ticks - difference) * tickMs;
}

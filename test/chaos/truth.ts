/**
 * What the field shows: every value names its agent, its tag and the second in which it was true. So whatever a store
 * holds can be told right or wrong without knowing who read it or when.
 */

/** Tags of one agent. Each is a 32-bit register of unit 1, at twice its index. */
export const maxTagsPerAgent = 8192;

/** Upper half: seconds since 1970 modulo 65536. Lower half: agent and tag. */
export const shownValue = (agent: number, tag: number, second: number): number =>
  (second % 65536) * 65536 + agent * maxTagsPerAgent + tag;

/** How far the value's second is from that of a time, in seconds; undefined when it is not this tag's value at all. */
export function secondsOff(value: number, agent: number, tag: number, timeUs: number): number | undefined {
  if (!Number.isInteger(value) || value % 65536 !== agent * maxTagsPerAgent + tag) return undefined;
  const claimed = Math.floor(value / 65536);
  const actual = Math.floor(timeUs / 1e6) % 65536;
  const difference = (claimed - actual + 65536) % 65536;
  return Math.min(difference, 65536 - difference);
}

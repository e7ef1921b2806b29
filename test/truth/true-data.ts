/**
 * What the hub must find of the data themselves: how complete they are, when they came, whether links stood. From what
 * was hidden from the agents, what they reported, and when the hub had it. How far it may be off, and why:
 *
 * - Of a crash the hub does not know the last five seconds, since the last watermark.
 * - Watermarks come every five seconds, so an interval is told to be over so much after it is.
 * - An agent is taken to be connected from its last frame that came at once to the next one: a minute at either edge.
 * - A percentile is read from a histogram whose buckets are 12 % apart.
 */
import type { DemoAgents } from './agents.ts';
import {
  about,
  both,
  exactly,
  lasting,
  minus,
  notNegative,
  over,
  type Range,
  type Stretch,
  shared,
  sum,
  without,
} from './ranges.ts';

export interface TagView {
  readonly source: string;
  readonly agent: string;
  /** When its source told nothing; when it was Bad. Ascending. */
  readonly hidden: readonly Stretch[];
  readonly bad: readonly Stretch[];
  /** How much earlier a hidden time may look to the hub. */
  readonly earlierUs: number;
  /** When it was reported, ascending. */
  readonly reported: readonly number[];
}

const secondUs = 1e6;
const minuteUs = 60e6;
const quarterUs = 15 * minuteUs;
const onTimeUs = 5 * minuteUs;
const watermarkUs = 5 * secondUs;
const acceptanceUs = minuteUs;
/** So much of an interval must be there. */
const complete = 0.95;
const bucket = 10 ** (1 / 20);

const within = (stretches: readonly Stretch[], window: Stretch): number =>
  stretches.reduce((all, one) => all + shared(one, window), 0);

/** @param bornUs nothing was expected of a tag before its first acceptance. */
export function createDataTruth(tags: readonly TagView[], bornUs: number, deliveries: DemoAgents['deliveries']) {
  const expected = ({ 0: from, 1: to }: Stretch) => to - Math.max(from, Math.min(to, bornUs));
  const later = (window: Stretch): Stretch => [Math.max(window[0], bornUs), Math.max(window[1], bornUs)];
  const blurOf = ({ hidden, bad, earlierUs }: TagView, window: Stretch) =>
    [...hidden, ...bad].filter((one) => shared(one, later(window)) > 0).length * (earlierUs + secondUs) + secondUs;

  /** Time in which its value was known to be good. */
  const known = (tag: TagView, window: Stretch): Range => {
    const lost = within(tag.hidden, later(window)) + within(tag.bad, later(window));
    const rest = expected(window) - lost;
    return notNegative({ low: rest - blurOf(tag, window), high: rest + secondUs });
  };
  const isComplete = (tag: TagView, window: Stretch, share: number, isCertain: boolean): boolean => {
    const { low, high } = known(tag, window);
    return (isCertain ? low : high) >= share * expected(window);
  };

  /** When the hub knew that everything of a source up to a time had come. */
  const toldAt = (tag: TagView, time: number, isLatest: boolean): number => {
    const gap = tag.hidden.find(([a, b]) => a <= time && time < b);
    const next = Math.max(time, gap?.[1] ?? 0) + (isLatest ? watermarkUs + 2 * secondUs : 0);
    return deliveries!.get(tag.agent)!.find(({ through }) => through >= next)?.at ?? Number.POSITIVE_INFINITY;
  };

  const timeliness = ([from, to]: Stretch) => {
    const sums = { due: 0, ontime: { low: 0, high: 0 }, recovered: { low: 0, high: 0 } };
    for (const tag of tags) {
      // A device that does not answer is no matter of time: that it did not has come.
      const source = { ...tag, bad: [] };
      for (let start = from; start + quarterUs <= to; start += quarterUs) {
        const quarter: Stretch = [start, start + quarterUs];
        const due = expected(quarter);
        sums.due += due;
        const [surely, maybe] = [true, false].map((certain) => isComplete(source, quarter, complete, certain));
        const [first, last] = [false, true].map((latest) => toldAt(tag, quarter[1], latest) <= quarter[1] + onTimeUs);
        if (surely && last) sums.ontime.low += due;
        if (maybe && first) sums.ontime.high += due;
        if (surely && !first) sums.recovered.low += due;
        if (maybe && !last) sums.recovered.high += due;
      }
    }
    return sums;
  };

  const latencies = ([from, to]: Stretch): number[] => {
    const found: number[] = [];
    for (const { agent, reported } of tags) {
      const told = deliveries!.get(agent)!;
      let at = 0;
      for (const time of reported) {
        if (time < from) continue;
        if (time >= to) break;
        while (at < told.length && told[at]!.through < time) at++;
        const latency = (told[at]?.at ?? Number.POSITIVE_INFINITY) - time;
        if (latency <= onTimeUs) found.push(latency / 1e6);
      }
    }
    return found.sort((a, b) => a - b);
  };
  const percentile = (sorted: readonly number[], rank: number): Range | undefined => {
    if (sorted.length === 0) return undefined;
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.floor(share * sorted.length)))]!;
    return { low: at(rank - 0.03) / bucket, high: at(rank + 0.03) * bucket };
  };

  return {
    complete: (window: Stretch) =>
      over(sum(...tags.map((tag) => known(tag, window))), exactly(tags.length * expected(window))),
    valid: (window: Stretch) => {
      const good = sum(...tags.map((tag) => known(tag, window)));
      const bad = tags.reduce((all, tag) => all + within(tag.bad, window), 0);
      return over(good, sum(good, about(bad, bad > 0 ? 2 * secondUs * tags.length : 0)));
    },
    /** @param contracted how many the contract lists; those that nobody measures are not complete. */
    coverage(window: Stretch, contracted: number): Range | undefined {
      const count = (isCertain: boolean) => tags.filter((tag) => isComplete(tag, window, complete, isCertain)).length;
      return over({ low: count(true), high: count(false) }, exactly(contracted));
    },
    /** By KPI; nothing where nobody knows when the hub had what. */
    timing(window: Stretch): Map<string, Range | undefined> {
      if (!deliveries) return new Map();
      const { due, ontime, recovered } = timeliness(window);
      const sorted = latencies(window);
      return new Map([
        ['dq.ontime', over(ontime, exactly(due))],
        ['dq.backfill', over(recovered, minus(exactly(due), ontime))],
        ['dq.latency', percentile(sorted, 0.95)],
        ['dq.latency_p50', percentile(sorted, 0.5)],
      ]);
    },
  };
}

/** Of one source each: `hidden` as of its tags. */
export function deviceUptime(sources: readonly TagView[], window: Stretch): Range | undefined {
  const length = window[1] - window[0];
  const up = sources.map(({ hidden, earlierUs }) => {
    const touched = hidden.filter((one) => shared(one, window) > 0).length;
    const rest = length - within(hidden, window);
    return { low: rest - touched * (earlierUs + 2 * secondUs), high: rest + secondUs };
  });
  return over(sum(...up), exactly(sources.length * length));
}

/**
 * Of one agent: while one of its sources has a session it should be connected. One that ends without a word has not
 * ended its sessions.
 *
 * @param lost of each source, when it had told that it has none
 * @param away when the agent reached no hub, or was dead
 */
export function agentUptime(
  lost: readonly (readonly Stretch[])[],
  away: readonly Stretch[],
  window: Stretch,
): Range | undefined {
  const none = lost.reduce((all, one) => both(all, one), [window]);
  const sessions = without([window], none);
  const down = both(sessions, away);
  const edges = 1 + down.length + none.length;
  const [seen, cut] = [lasting(sessions), lasting(down)];
  const blur = 2 * acceptanceUs + 10 * secondUs;
  return over({ low: seen - cut - edges * blur, high: Math.min(seen, seen - cut + blur) }, exactly(seen));
}

/**
 * The highest number that is found quickly of every stream: the greatest among the latest points of its tags. Late
 * samples can hide a higher one, since InfluxDB keeps no order by number.
 */
import type { QueryClient } from './query.ts';

export async function highestNumbers(
  { query }: QueryClient,
  measurement: string,
  signal: AbortSignal,
): Promise<Map<number, number>> {
  const highest = new Map<number, number>();
  const statement = `SELECT last(n) FROM ${measurement} GROUP BY "stream", "tag"`;
  for await (const { tags, values } of query([statement], signal)) {
    const stream = Number(tags.stream);
    for (const [, number] of values) highest.set(stream, Math.max(number as number, highest.get(stream) ?? 0));
  }
  return highest;
}

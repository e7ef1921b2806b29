/**
 * A Modbus TCP server as a Source: polls every group of tags at its interval, one request at a time.
 * One reading per round; its `through` is the time for which the round was due.
 */
import { ConnectionError } from '../errors.ts';
import { isBad, type Sample, type TimeUs } from '../sample.ts';
import type { Reading, Source } from '../source.ts';
import type { SourceContext } from '../tag-config.ts';
import { createBlockReader, type Report } from './block-reader.ts';
import type { ModbusConfig } from './config.ts';
import { connectLink, type Link } from './link.ts';
import { type PollGroup, planReads } from './plan.ts';
import { createTimetable } from './timetable.ts';
import { createUnit } from './unit.ts';

export function createModbusSource(config: ModbusConfig, context: SourceContext): Source {
  const groups = planReads(config);
  for (const { blocks } of groups) {
    for (const { path } of blocks.flatMap((block) => block.tags)) {
      if (!context.tagIds.has(path)) throw new Error(`no tag id was given for ${path}`);
    }
  }
  return {
    id: config.id,
    async *read(signal) {
      let link: Link | undefined;
      try {
        link = await connectLink(config, signal);
        yield* poll(link, groups, context, `${config.host}:${config.port}`);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        link?.close();
      }
    },
  };
}

async function* poll(link: Link, groups: PollGroup[], context: SourceContext, server: string): AsyncGenerator<Reading> {
  const { clock, tagIds } = context;
  const now = () => clock.now();
  const units = new Map(groups.map(({ unit }) => [unit, createUnit(unit, link, clock)]));
  const pollers = groups.map(({ unit, blocks }) => ({
    readers: blocks.map((block) => createBlockReader(units.get(unit)!, block, now)),
    tagCount: blocks.reduce((sum, block) => sum + block.tags.length, 0),
  }));
  const timetable = createTimetable(
    groups.map((group) => group.intervalMs),
    clock.now(),
  );

  let through: TimeUs = 0;
  for (;;) {
    const { at, due } = timetable.take(clock.now());
    if (due.length > 0) {
      const samples: Sample[] = [];
      const slots = { good: 0, bad: 0, skipped: 0 };
      const report: Report = (tag, value, quality, time) => {
        samples.push({ tag: tagIds.get(tag.path)!, time, value, quality, flags: 0 });
        slots[isBad(quality) ? 'bad' : 'good']++;
      };
      for (const { group, skipped } of due) {
        const { readers, tagCount } = pollers[group]!;
        slots.skipped += skipped * tagCount;
        for (const reader of readers) await reader.read(report);
      }

      // A unit may miss one request. A server that answers for none of its units at the very first is not there.
      const isUp = through > 0;
      const isSilent = [...units.values()].every((unit) => unit.unanswered >= (isUp ? 2 : 1));
      through = Math.max(through, at);
      if (isUp || !isSilent) yield { samples, through, slots };
      if (isSilent) throw new ConnectionError(`the Modbus server ${server} is connected but does not answer`);
    }
    const { closed } = link;
    try {
      await clock.sleep(Math.max(0, timetable.next - clock.now()) / 1000, closed);
    } catch {
      throw closed.reason;
    }
  }
}

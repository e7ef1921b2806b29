/**
 * `late-day`: an agent of 100 tags was cut off for a day, which has long been told without it; then its 86,400 × 100 samples
 * come. Seconds from the last acknowledgement until every figure of that day is right, on a clock like the wall's.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, createScaledClock } from '../../protocols/clock.ts';
import { createStepClock } from '../support/step-clock.ts';
import { openVirtualAgent } from '../support/virtual-agent.ts';
import { startVirtualHub, type VirtualHub } from '../support/virtual-hub.ts';
import type { Bench } from './bench.ts';
import { createEvenFactory, type EvenFactory, framesOf } from './even-factory.ts';

const startUs = Date.parse('2026-11-22T06:00:00+03:30') * 1000;
const dayS = 86_400;
const hourS = 3600;
const minuteS = 60;
const perFrame = 10;
const mostS = 60;
const longestMs = 600_000;

export const lateDay: Bench = {
  names: ['late-day'],
  async *run({ dir, hours = 24, progress }) {
    const lengthS = Math.round(hours * hourS);
    const folder = join(dir, 'late-day');
    // Of one site are both: the late one's tags are bound to units and meters, the other's to nothing.
    const late = createEvenFactory('late', { units: 12, meters: 4 }, startUs);
    const other = { name: 'other', tags: late.tags.slice(0, 1).map((tag) => ({ ...tag, path: 'hall/door' })) };
    const open = async (clock: Clock) => {
      const hub = await startVirtualHub({ dir: folder, clock, plants: [late.plant], agents: [late.name, other.name] });
      const agentOf = ({ name, tags }: Pick<EvenFactory, 'name' | 'tags'>) =>
        openVirtualAgent({
          ...{ agent: name, site: late.site, sources: [{ id: name, tags }], clock },
          ...{ mqttUrl: hub.mqttUrl, password: hub.passwords.get(name)! },
        });
      return { hub, agentOf };
    };

    {
      progress(`late-day: ${hours} hours without it`);
      const clock = createStepClock(startUs);
      const { hub, agentOf } = await open(clock);
      await using _hub = hub;
      await using agent = await agentOf(other);
      await using known = await agentOf(late);
      agent.connect();
      known.connect();
      const [id] = [agent.ids.get('hall/door')!];
      const door = { ...late, name: other.name, tags: other.tags, second: (second: number) => doorAt(second, id) };
      await known.append(framesOf(late, known.ids, { from: 0, to: 1 }));
      await known.settled();
      for (let second = 0; second <= lengthS; second += hourS) {
        await agent.append(framesOf(door, agent.ids, { from: second, to: second + 1 }));
        await agent.settled();
        await Promise.race([clock.advanceTo(startUs + second * 1e6), hub.ended]);
      }
      await Promise.race([clock.advanceTo(startUs + (lengthS + hourS) * 1e6), hub.ended]);
    }

    const clock = createScaledClock({
      startMs: startUs / 1000 + (lengthS + hourS) * 1000,
      wallStartMs: Date.now(),
      speed: 1,
    });
    const { hub, agentOf } = await open(clock);
    await using _hub = hub;
    await using agent = await agentOf(late);
    progress('late-day: making what was missed');
    for (let from = 0; from <= lengthS; from += minuteS) {
      const frames = framesOf(late, agent.ids, { from, to: from + minuteS, perFrame });
      await agent.append(frames, startUs + from * 1e6);
    }
    progress('late-day: it comes');
    const begunAt = performance.now();
    agent.connect();
    await agent.settled();
    const ackedAt = performance.now();
    progress(`late-day: acknowledged after ${((ackedAt - begunAt) / 1000).toFixed(1)} s`);
    const isRight = () => allRight(hub, late, lengthS);
    while (!(await isRight())) {
      if (performance.now() - ackedAt > longestMs) throw new Error('late-day: the figures never became right');
      await delay(250);
    }
    const samples = (lengthS + 60) * late.tags.length;
    yield {
      name: 'late-day',
      value: (performance.now() - ackedAt) / 1000,
      unit: 's',
      reference: null,
      note: `${samples} samples of ${late.tags.length} tags, which took ${((ackedAt - begunAt) / 1000).toFixed(1)} s to come; hours, shifts and the day of every unit and meter`,
      atMost: mostS,
    };
  },
};

const doorAt = (second: number, id: number) => ({
  tags: [id],
  times: [startUs + second * 1e6],
  values: [second % 2],
  qualities: [0],
  flags: [0],
});

/** Whether every whole bucket of the time tells what arithmetic does. */
async function allRight(hub: VirtualHub, factory: EvenFactory, lengthS: number): Promise<boolean> {
  const at = (second: number) => new Date(startUs / 1000 + second * 1000).toISOString();
  for (const granularity of lengthS < dayS ? ['hour'] : ['day', 'shift', 'hour']) {
    for (const kpi of ['prod.volume', 'en.kwh'] as const) {
      const assets = [...(kpi === 'en.kwh' ? factory.kwh(0, 0) : factory.good(0, 0)).keys()];
      const query = `kpi=${kpi}&asset=${assets.join()}&granularity=${granularity}&from=${at(0)}&to=${at(lengthS)}`;
      const { data } = await hub.get<{ data: { asset: string; start: string; end: string; value: number | null }[] }>(
        `/api/v1/kpi-values?${query}&limit=10000`,
      );
      for (const { asset, start, end, value } of data) {
        const [from, to] = [start, end].map((time) => (Date.parse(time) * 1000 - startUs) / 1e6) as [number, number];
        if (from < 0 || to > lengthS) continue;
        const truth = (kpi === 'en.kwh' ? factory.kwh(from, to) : factory.good(from, to)).get(asset)!;
        if (value === null || Math.abs(value - truth) > 1e-9 * Math.max(1, truth)) return false;
      }
    }
  }
  return true;
}

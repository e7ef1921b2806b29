/** The plant of the test vectors of kpi.md: one shift with one break, three machines of one line, two meters. */
import { buildPlant, type Plant } from '../../hub/plant/plant.ts';
import { plantSchema } from '../../hub/plant/plant-file.ts';
import { createKpiEvaluator, type KpiEvaluator } from '../../hub/rollup/values/evaluate.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { createMemorySite, type MemorySite } from './memory-site.ts';

export const site = 'test/plant';
export const line = `${site}/area/line`;

/** Wall time of Tehran on the day of the vectors, or of another one. */
export const local = (time: string, day = '2025-07-07'): TimeUs => Date.parse(`${day}T${time}:00+03:30`) * 1000;

export const states = { SETUP: 14, RUN: 6, FAULT: 9, BLOCKED: 5, IDLE: 4, OFF: 99 } as const;
export const maintenance = 2;

const name = (en: string) => ({ en, fa: en });
const all = { from: undefined, to: undefined };

/** @param change puts other values at the top of the plant file. */
export const vectorPlant = (change: Record<string, unknown> = {}): Plant =>
  buildPlant(plantSchema.parse(vectorPlantFile(change)));

/** What stands in the file. */
export function vectorPlantFile(change: Record<string, unknown> = {}): Record<string, unknown> {
  const unit = (code: string) => ({ code, name: name(code), stateMap: 'machine' });
  const rate = (
    code: string,
    plannedRunTimeS: number,
    { from, to }: { from?: string | undefined; to?: string | undefined } = all,
  ) => ({
    unit: `area/line/${code}`,
    plannedRunTimeS,
    ...(from && { from }),
    ...(to && { to }),
  });
  return {
    site,
    name: name('test'),
    stateMaps: {
      machine: {
        kind: 'enum',
        states: { 4: 'IDLE', 5: 'BLOCKED', 6: 'RUN', 9: 'FAULT', 14: 'SETUP', 99: 'OFF' },
        modes: { [maintenance]: 'MAINT' },
      },
    },
    shifts: [
      {
        code: 'morning',
        name: name('morning'),
        start: '06:00',
        end: '14:00',
        breaks: [{ name: name('break'), start: '10:00', end: '10:30' }],
      },
    ],
    areas: [
      {
        code: 'area',
        name: name('area'),
        lines: [{ code: 'line', name: name('line'), units: ['m1', 'm2', 'm3'].map(unit) }],
      },
    ],
    products: [
      { code: 'p0', name: name('p0'), rates: [rate('m1', 30)] },
      { code: 'p1', name: name('p1'), rates: [rate('m2', 30, { to: '2025-07-07T08:00', from: undefined })] },
      { code: 'p2', name: name('p2'), rates: [rate('m2', 60, { from: '2025-07-07T08:00', to: undefined })] },
    ],
    orders: [{ unit: 'area/line/m1', from: '2025-07-07T06:00', to: '2025-07-07T13:50' }],
    meters: [
      { path: 'energy/main', name: name('main'), carrier: 'electricity' },
      { path: 'energy/gas', name: name('gas'), carrier: 'gas' },
    ],
    ...change,
  };
}

export interface VectorSite extends MemorySite {
  /** State, mode and counters of a machine. */
  machine(code: string, counter?: { modulus?: number; maxRatePerS?: number }): void;
  /** What a machine did: `HH:MM` and a state, each until the next. */
  did(code: string, timeline: readonly (readonly [string, keyof typeof states])[]): void;
  evaluator(now: TimeUs, plant?: Plant): KpiEvaluator;
}

export function createVectorSite(): VectorSite {
  const memory = createMemorySite(site);
  return {
    ...memory,
    machine(code, counter = {}) {
      const unit = `area/line/${code}`;
      for (const tag of ['state', 'mode'])
        memory.tag(`${unit}/${tag}`, { role: tag === 'state' ? 'state' : 'process' });
      for (const [tag, role] of [
        ['count-total', 'count_total'],
        ['count-good', 'count_good'],
        ['count-scrap', 'count_scrap'],
      ] as const) {
        memory.tag(`${unit}/${tag}`, { role, counter: { scale: 1, ...counter } });
      }
      memory.sample(`${unit}/mode`, local('05:00'), 1);
    },
    did(code, timeline) {
      for (const [time, state] of timeline) memory.sample(`area/line/${code}/state`, local(time), states[state]);
    },
    evaluator: (now, plant = vectorPlant()) =>
      createKpiEvaluator({
        plants: () => [plant],
        reader: memory.store,
        ledger: { tags: memory.tags },
        clock: { now: () => now },
      }),
  };
}

/** Elements: how they merge, and that definitions read what they declare. */

import t from 'tap';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { elementGroups } from '../../hub/kpi/element.ts';
import { elementTable } from '../../hub/kpi/element-table.ts';
import { elementSpec, elementsOf, mergeElements } from '../../hub/kpi/elements.ts';
import { latencyBucket, latencyElement, latencyPercentile } from '../../hub/kpi/latency.ts';
import { fc } from '../support/drawn.ts';

const groups = Object.keys(elementGroups) as (keyof typeof elementGroups)[];

t.test('sums add up, a maximum brings the time at which it was, and what no part has the whole has not', (t) => {
  t.same(mergeElements([], 'time'), {});
  t.same(
    mergeElements(
      [
        { kWh: 1, blocks: 1, P_max_kW: 5, P_max_at_us: 10 },
        { kWh: 2, blocks: 1, P_max_kW: 7, P_max_at_us: 20 },
        { kWh: 4, blocks: 1 },
        { kWh: 8, blocks: 1, P_max_kW: 7, P_max_at_us: 15 },
      ],
      'time',
    ),
    { kWh: 15, blocks: 4, P_max_kW: 7, P_max_at_us: 15 },
  );
  t.same(
    mergeElements(
      [
        { cap_worst_kW: -20, cap_worst_at_us: 3 },
        { cap_worst_kW: -10, cap_worst_at_us: 2 },
      ],
      'time',
    ),
    { cap_worst_kW: -10, cap_worst_at_us: 2 },
    'all below the cap',
  );
  t.same(
    mergeElements(
      [
        { kWh: 1, P_max_kW: 5, P_max_at_us: 10, clock_max_s: 2, clock_max_at_us: 7 },
        { kWh: 2, P_max_kW: 7, P_max_at_us: 20, clock_max_s: 1, clock_max_at_us: 5 },
      ],
      'assets',
    ),
    { kWh: 3, clock_max_s: 2, clock_max_at_us: 7 },
    'the peak of two meters is no peak of both together',
  );
  t.end();
});

t.test('merging in any order and any grouping gives the same', (t) => {
  const merge = (parts: Record<string, number>[]) => mergeElements(parts, 'time');
  const part = fc.record(
    { PQ: fc.nat(99), latency_b7: fc.nat(9), P_max_kW: fc.integer({ min: -3, max: 3 }), P_max_at_us: fc.nat(5) },
    { requiredKeys: ['PQ'] },
  );
  fc.assert(
    fc.property(fc.array(part), fc.nat(9), (parts, cut) => {
      for (const one of parts) if (one.P_max_kW === undefined) delete one.P_max_at_us;
      const whole = mergeElements(parts, 'time');
      t.strictSame(mergeElements([merge(parts.slice(0, cut)), merge(parts.slice(cut))], 'time'), whole);
      t.strictSame(mergeElements(parts.toReversed(), 'time'), whole);
    }),
  );
  t.end();
});

t.test('every element has a group, a maximum says when it was, and only sums are shared by groups', (t) => {
  for (const name of Object.keys(elementTable)) {
    const spec = elementSpec(name)!;
    t.ok(spec.groups.length > 0 && spec.meaning.length > 0, name);
    if (spec.groups.length > 1) t.equal(spec.merge, 'sum', name);
    if (spec.at !== undefined) t.equal(elementSpec(spec.at)!.merge, 'max', name);
  }
  for (const group of groups) t.ok(elementsOf(group).length > 0, group);
  t.equal(elementSpec('latency_b17')!.unit, 'samples');
  t.equal(elementSpec('kwh'), undefined);
  t.end();
});

t.test('a definition reads elements of its own groups only, and of each of them', (t) => {
  for (const { id, groups, needs, uses } of catalogue) {
    const read = [...needs, ...uses];
    t.equal(new Set(read).size, read.length, `${id} lists no element twice`);
    for (const name of read) {
      t.ok(
        elementSpec(name)!.groups.some((group) => groups.includes(group)),
        `${id} reads ${name}`,
      );
    }
    for (const group of groups)
      t.ok(
        read.some((name) => elementSpec(name)!.groups.includes(group)),
        `${id}: ${group}`,
      );
  }
  t.end();
});

t.test('a percentile read from the histogram is within its bucket of the true one', (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (latencies) => {
      const elements = mergeElements(
        latencies.map((ms) => ({ [latencyElement(latencyBucket(ms))]: 1 })),
        'time',
      );
      const sorted = latencies.toSorted((a, b) => a - b);
      const exact = sorted[Math.ceil(0.95 * sorted.length) - 1]! / 1000;
      const { seconds, bounds } = latencyPercentile(elements, 0.95)!;
      t.ok(bounds[0] <= exact * (1 + 1e-12) && exact <= bounds[1] * (1 + 1e-12), `${exact} in ${bounds}`);
      t.ok(bounds[0] <= seconds && seconds <= bounds[1]);
    }),
  );
  t.equal(latencyPercentile({}, 0.95), undefined);
  t.end();
});

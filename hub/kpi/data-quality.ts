/** How far the data themselves can be trusted. Of itself everything is known: coverage is 1. */
import { exceeds } from './compare.ts';
import { define, share } from './definition.ts';
import { latencyPercentile } from './latency.ts';
import type { Elements } from './result.ts';

const dataKpi = {
  scope: ['meter', 'unit', 'line', 'area', 'site'],
  granularities: ['day', 'month'],
  unit: '1',
  trend: 'higher',
  source: 'own',
  rules: ['R2'],
} as const;

export const completeness = define({
  ...dataKpi,
  id: 'dq.complete',
  name: { en: 'Data completeness', fa: 'درصد تکمیل داده' },
  formula: 'known Good time / expected time, over all tags of the asset',
  scope: ['tag', 'meter', 'unit', 'line', 'area', 'site'],
  groups: ['completeness'],
  granularities: ['hour', 'day', 'month'],
  needs: ['expected_s', 'known_s'],
  uses: ['bad_s', 'slots_good', 'slots_bad', 'slots_skipped'],
  assess: (e) => ({ numerator: e('known_s'), denominator: e('expected_s') }),
});

export const onTime = define({
  ...dataKpi,
  id: 'dq.ontime',
  name: { en: 'On-time data', fa: 'به‌هنگام بودن داده' },
  formula: 'quarter-hours that were complete 5 min after their end / expected',
  groups: ['timeliness'],
  rules: ['R2', 'R9'],
  needs: ['due_s', 'ontime_s'],
  assess: (e) => ({ numerator: e('ontime_s'), denominator: e('due_s') }),
});

export const valid = define({
  ...dataKpi,
  id: 'dq.valid',
  name: { en: 'Good-quality share', fa: 'درصد داده معتبر' },
  formula: 'known Good time / time in which the source was there',
  groups: ['completeness'],
  note: {
    en: 'By time and not by samples: a value that is sent only when it changes would count for little.',
    fa: 'بر پایهٔ زمان است نه تعداد نمونه؛ وگرنه مقداری که تنها هنگام تغییر فرستاده می‌شود کم‌شمار می‌شد.',
  },
  needs: ['known_s', 'bad_s'],
  assess: (e) => ({ numerator: e('known_s'), denominator: e('known_s') + e('bad_s') }),
});

const latencyKpi = {
  ...dataKpi,
  unit: 's',
  trend: 'lower',
  groups: ['timeliness'],
  granularities: ['hour', 'day', 'month'],
  rules: ['R9', 'R11'],
  note: {
    en: 'Live data only. Read from a histogram: the bounds are the edges of its bucket, 12 % apart.',
    fa: 'تنها دادهٔ زنده. از هیستوگرام خوانده می‌شود؛ کران‌ها لبه‌های همان رده‌اند، با فاصلهٔ ۱۲٪.',
  },
  needs: [],
  uses: ['latency_b'],
} as const;

const percentile = (inputs: Elements, rank: number) => {
  const found = latencyPercentile(inputs, rank);
  if (!found) return { numerator: 0, denominator: 1, coverage: 0 };
  return { numerator: found.seconds, denominator: 1, bounds: found.bounds };
};

export const latency = define({
  ...latencyKpi,
  id: 'dq.latency',
  name: { en: 'Latency p95', fa: 'تأخیر داده (صدک ۹۵)' },
  formula: '95th percentile of hub commit − source time',
  assess: (_, __, inputs) => percentile(inputs, 0.95),
});

export const medianLatency = define({
  ...latencyKpi,
  id: 'dq.latency_p50',
  name: { en: 'Latency p50', fa: 'تأخیر داده (صدک ۵۰)' },
  formula: '50th percentile of hub commit − source time',
  assess: (_, __, inputs) => percentile(inputs, 0.5),
});

const linkKpi = { ...dataKpi, scope: ['site'], groups: ['connectivity'] } as const;

export const uptime = define({
  ...linkKpi,
  id: 'dq.uptime',
  name: { en: 'Connectivity uptime', fa: 'درصد برقراری ارتباط' },
  formula: '1 − Σ disconnected / period, agent to hub',
  note: {
    en: 'Planned works are not in it: agent_planned_s tells them apart.',
    fa: 'کارهای برنامه‌ریزی‌شده در آن نیست و با agent_planned_s جدا گفته می‌شود.',
  },
  needs: ['agent_s', 'agent_down_s'],
  uses: ['agent_planned_s'],
  assess: (e) => ({ numerator: e('agent_s') - e('agent_down_s'), denominator: e('agent_s') }),
});

export const deviceUptime = define({
  ...linkKpi,
  id: 'dq.uptime_device',
  name: { en: 'Connectivity uptime, devices', fa: 'درصد برقراری ارتباط (تجهیزات)' },
  formula: '1 − Σ disconnected / period, device to agent',
  note: {
    en: 'Planned works are not in it: device_planned_s tells them apart.',
    fa: 'کارهای برنامه‌ریزی‌شده در آن نیست و با device_planned_s جدا گفته می‌شود.',
  },
  needs: ['device_s', 'device_down_s'],
  uses: ['device_planned_s'],
  assess: (e) => ({ numerator: e('device_s') - e('device_down_s'), denominator: e('device_s') }),
});

/** A tag is complete from this share on. */
const completeTag = 0.95;

/** Elements of group `tags`: of each contracted tag its merged completeness, undefined where it is not bound. */
export function tagCoverage(contracted: readonly (Elements | undefined)[]): Elements {
  const mapped = contracted.filter((tag) => tag !== undefined);
  const isComplete = ({ known_s = 0, expected_s = 0 }: Elements) =>
    expected_s > 0 && !exceeds(completeTag, share(known_s, expected_s));
  return {
    tags_contracted: contracted.length,
    tags_mapped: mapped.length,
    tags_complete: mapped.filter(isComplete).length,
  };
}

export const tagCoverageRatio = define({
  ...dataKpi,
  id: 'dq.tag_cov',
  name: { en: 'Tag coverage', fa: 'پوشش نقاط داده (تگ)' },
  formula: 'bound tags that are complete to at least 95 % / contracted tags',
  scope: ['site', 'area', 'line', 'unit', 'meter'],
  groups: ['tags'],
  needs: ['tags_contracted', 'tags_complete'],
  uses: ['tags_mapped'],
  assess: (e) => ({ numerator: e('tags_complete'), denominator: e('tags_contracted') }),
});

export const backfill = define({
  ...dataKpi,
  id: 'dq.backfill',
  name: { en: 'Recovery ratio', fa: 'نسبت بازیابی داده' },
  formula: 'recovered later / missed on time',
  groups: ['timeliness'],
  rules: ['R2', 'R9'],
  needs: ['due_s', 'ontime_s', 'recovered_s'],
  assess: (e) => ({ numerator: e('recovered_s'), denominator: e('due_s') - e('ontime_s') }),
});

export const clockOffset = define({
  ...dataKpi,
  id: 'dq.clock',
  name: { en: 'Clock offset', fa: 'انحراف ساعت' },
  unit: 's',
  formula: 'max |agent − true time|',
  scope: ['site'],
  groups: ['clock'],
  granularities: ['day'],
  trend: 'lower',
  rules: ['R11'],
  needs: ['clock_max_s'],
  uses: ['clock_max_at_us'],
  assess: (e) => ({ numerator: e('clock_max_s'), denominator: 1 }),
});

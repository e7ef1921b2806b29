/** Energy by day and band, demand with the profile of the peak day, limits, and energy per unit of output. */
import { timeOfDay } from '../../plant/local-time.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';
import { besideEachOther, type Report, unitWord } from './report.ts';
import type { Sheet, SheetCell } from './sheet.ts';
import { carrierWords, emptyWords, sheetNames, statusWords } from './words.ts';

export function energySheet(report: Report): Sheet {
  const { plant, column, word } = report;
  const meters = new Map(plant.meters.map((meter) => [meter.path, meter]));
  const kpis = ['en.kwh', 'en.carrier', 'en.share_peak', 'en.cost'];
  const rows = besideEachOther(report.values({ granularity: 'day', kpis, assets: [...meters.keys()] }));
  return {
    name: word(sheetNames.energy),
    ...(meters.size === 0 && { empty: word(emptyWords.energy) }),
    columns: [
      column('date', 'date', 13),
      column('jalali', 'text', 13),
      column('asset', 'text', 26),
      column('carrier', 'text', 14),
      column('amount', 'number', 14),
      column('unit', 'text', 15),
      column('peak', 'number', 16),
      column('mid', 'number', 16),
      column('low', 'number', 16),
      column('estimated', 'number', 15),
      { header: `${report.kpiName('en.cost')} (IRR)`, kind: 'number', width: 20 },
      column('status', 'text', 13),
      column('coverage', 'percent', 11),
    ],
    rows: [...rows.values()].flatMap((row): SheetCell[][] => {
      const used = row.get('en.kwh') ?? row.get('en.carrier');
      if (!used) return [];
      const meter = meters.get(used.asset)!;
      const bands = row.get('en.share_peak');
      const banded = bands && bands.status !== 'undefined' && bands.status !== 'no_data' ? bands.elements : {};
      return [
        [
          ...report.dates(used),
          report.assetName(used.asset),
          word(carrierWords[meter.carrier]),
          used.value,
          unitWord(used, report.language),
          banded.kWh_peak ?? null,
          banded.kWh_mid ?? null,
          banded.kWh_low ?? null,
          used.elements.kWh_estimated ?? used.elements.quantity_estimated ?? null,
          row.get('en.cost')?.value ?? null,
          word(statusWords[used.status]),
          used.coverage,
        ],
      ];
    }),
  };
}

const mainMeters = ({ plant }: Report): string[] =>
  plant.meters.filter(({ carrier, role }) => carrier === 'electricity' && role === 'main').map(({ path }) => path);

const dailyPeaks = (report: Report): readonly RolledValue[] =>
  report.values({ granularity: 'day', kpis: ['en.peak_block'], assets: mainMeters(report) });

export function demandSheet(report: Report): Sheet {
  const { plant, column, word } = report;
  const kpis = ['en.peak_block', 'en.peak_slide', 'en.load_factor', 'en.pf'];
  const assets = plant.meters.filter(({ carrier }) => carrier === 'electricity').map(({ path }) => path);
  const rows = besideEachOther(report.values({ granularity: 'day', kpis, assets }));
  const at = (time: number | undefined) => (time === undefined ? null : timeOfDay(plant.zone, time));
  return {
    name: word(sheetNames.demand),
    columns: [
      column('date', 'date', 13),
      column('jalali', 'text', 13),
      column('asset', 'text', 26),
      column('block', 'number', 22),
      column('at', 'text', 10),
      column('slide', 'number', 22),
      column('at', 'text', 10),
      column('loadFactor', 'percent', 12),
      column('powerFactor', 'number', 12),
      column('status', 'text', 13),
      column('coverage', 'percent', 11),
    ],
    rows: [...rows.values()].map((row): SheetCell[] => {
      const any = row.get('en.peak_block') ?? row.values().next().value!;
      const slide = row.get('en.peak_slide');
      return [
        ...report.dates(any),
        report.assetName(any.asset),
        row.get('en.peak_block')?.value ?? null,
        at(any.elements.P_max_at_us),
        slide?.value ?? null,
        at(slide?.elements.P_slide_max_at_us),
        row.get('en.load_factor')?.value ?? null,
        row.get('en.pf')?.value ?? null,
        word(statusWords[any.status]),
        any.coverage,
      ];
    }),
  };
}

/** The quarter-hours of the day on which a main meter had its highest demand of the month. */
export function profileSheet(report: Report): Sheet {
  const { plant, column, word } = report;
  const peaks = dailyPeaks(report).filter(({ value }) => value !== null);
  const rows = mainMeters(report).flatMap((meter) => {
    const ofMeter = peaks.filter(({ asset }) => asset === meter);
    const peak = ofMeter.toSorted((a, b) => b.value! - a.value! || a.start - b.start)[0];
    if (!peak) return [];
    const range = { from: peak.start, to: peak.end };
    return report.values({ granularity: '15min', kpis: ['en.kwh'], assets: [meter], range });
  });
  return {
    name: word(sheetNames.profile),
    columns: [
      column('date', 'date', 13),
      column('jalali', 'text', 13),
      column('asset', 'text', 26),
      column('start', 'text', 9),
      column('end', 'text', 9),
      { header: 'kWh', kind: 'number', width: 12 },
      column('kw', 'number', 18),
      column('status', 'text', 13),
      column('coverage', 'percent', 11),
    ],
    rows: rows.map((value) => [
      ...report.dates(value),
      report.assetName(value.asset),
      timeOfDay(plant.zone, value.start),
      timeOfDay(plant.zone, value.end),
      value.value,
      value.value === null ? null : value.value / ((value.end - value.start) / 3.6e9),
      word(statusWords[value.status]),
      value.coverage,
    ]),
  };
}

export function curtailmentSheet(report: Report): Sheet {
  const { plant, month, column, word } = report;
  const limits = plant.limits.filter(({ from, to }) => from < month.end && month.start < to);
  const assets = [...new Set(limits.map(({ meter }) => meter))];
  const kpis = ['dr.compliance', 'dr.excess'];
  const rows =
    assets.length === 0 ? [] : [...besideEachOther(report.values({ granularity: 'day', kpis, assets })).values()];
  const limitOn = ({ asset, start, end }: RolledValue): number | null => {
    const inForce = limits.filter(({ meter, from, to }) => meter === asset && from < end && start < to);
    return inForce.length === 0 ? null : Math.min(...inForce.map(({ limitKw }) => limitKw));
  };
  return {
    name: word(sheetNames.curtailment),
    ...(limits.length === 0 && { empty: word(emptyWords.curtailment) }),
    columns: [
      column('date', 'date', 13),
      column('jalali', 'text', 13),
      column('asset', 'text', 26),
      column('limit', 'number', 14),
      column('intervals', 'integer', 11),
      column('measured', 'integer', 15),
      column('kept', 'integer', 12),
      column('compliance', 'percent', 13),
      column('excess', 'number', 20),
      column('status', 'text', 13),
    ],
    rows: rows.flatMap((row): SheetCell[][] => {
      const kept = row.get('dr.compliance');
      if (!kept || (kept.elements.cap_intervals ?? 0) === 0) return [];
      const { cap_intervals = null, cap_measured = null, cap_kept = null } = kept.elements;
      return [
        [
          ...report.dates(kept),
          report.assetName(kept.asset),
          limitOn(kept),
          cap_intervals,
          cap_measured,
          cap_kept,
          kept.value,
          row.get('dr.excess')?.value ?? null,
          word(statusWords[kept.status]),
        ],
      ];
    }),
  };
}

export function enpiSheet(report: Report): Sheet {
  const { column, word } = report;
  const rows = besideEachOther(report.values({ granularity: 'day', kpis: ['en.sec', 'en.eei'] }));
  const drift = new Map<string, number>();
  return {
    name: word(sheetNames.enpi),
    columns: [
      column('date', 'date', 13),
      column('jalali', 'text', 13),
      column('asset', 'text', 26),
      { header: 'kWh', kind: 'number', width: 13 },
      column('good', 'integer', 12),
      column('sec', 'number', 12),
      column('unit', 'text', 15),
      column('enpi', 'number', 20),
      column('expected', 'number', 18),
      column('cusum', 'number', 18),
      column('status', 'text', 13),
    ],
    // A meter that measures nothing that is made has neither.
    rows: [...rows.values()].filter(tellsSomething).map((row): SheetCell[] => {
      const any = row.get('en.sec') ?? row.values().next().value!;
      const eei = row.get('en.eei');
      const kwh = any.elements.kWh ?? null;
      const expected = eei?.value == null ? null : Number(eei.parameters?.expected_kWh);
      if (expected !== null && kwh !== null) drift.set(any.asset, (drift.get(any.asset) ?? 0) + kwh - expected);
      const sec = row.get('en.sec');
      return [
        ...report.dates(any),
        report.assetName(any.asset),
        kwh,
        any.elements.GQ_std ?? null,
        sec?.value ?? null,
        sec ? unitWord(sec, report.language) : null,
        eei?.value ?? null,
        expected,
        expected === null ? null : drift.get(any.asset)!,
        word(statusWords[any.status]),
      ];
    }),
  };
}

const tellsSomething = (row: ReadonlyMap<string, RolledValue>): boolean =>
  [...row.values()].some(({ status }) => status !== 'undefined');

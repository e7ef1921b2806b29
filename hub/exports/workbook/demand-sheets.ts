/** Demand with the profile of the peak day, and what is kept of the limits that were told. */
import { limitOver } from '../../rollup/meters/cap-elements.ts';
import { inForce } from '../../rollup/values/kpi-parameters.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';
import { type Block, laidOut } from './blocks.ts';
import { type Beside, besideEachOther, type Report } from './report.ts';
import type { Sheet, SheetCell } from './sheet.ts';
import { chartWords, emptyWords, sheetNames, statusWords, words } from './words.ts';

const mainMeters = ({ plant }: Report): string[] =>
  plant.meters.filter(({ carrier, role }) => carrier === 'electricity' && role === 'main').map(({ path }) => path);

/** The demand that is contracted for a meter then. */
const contractedAt = ({ plant }: Report, { asset, end }: RolledValue): number | null =>
  inForce(
    plant.contracts.filter(({ meter }) => meter === asset),
    end,
  )?.demandKw ?? null;

export async function demandSheet(report: Report): Promise<Sheet> {
  const { plant, column, word } = report;
  const kpis = ['en.peak_block', 'en.peak_slide', 'en.load_factor', 'en.pf'];
  const assets = plant.meters.filter(({ carrier }) => carrier === 'electricity').map(({ path }) => path);
  const at = (time: number | undefined) => (time === undefined ? null : report.clock(time));
  const cells = (row: Beside): SheetCell[] => {
    const any = row.get('en.peak_block') ?? row.values().next().value!;
    const slide = row.get('en.peak_slide');
    return [
      ...report.dates(any),
      report.assetName(any.asset),
      row.get('en.peak_block')?.value ?? null,
      at(any.elements.P_max_at_us),
      slide?.value ?? null,
      at(slide?.elements.P_slide_max_at_us),
      contractedAt(report, any),
      row.get('en.load_factor')?.value ?? null,
      row.get('en.pf')?.value ?? null,
      word(statusWords[any.status]),
      any.coverage,
    ];
  };
  const blocks = besideEachOther(await report.values({ granularity: 'day', kpis, assets }), assets).map(
    ({ asset, beside }): Block => ({ asset, rows: beside.map(cells) }),
  );
  const [block, contract] = [3, 7];
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
      column('contract', 'number', 18),
      column('loadFactor', 'percent', 12),
      column('powerFactor', 'number', 12),
      column('status', 'text', 13),
      column('coverage', 'percent', 11),
    ],
    ...laidOut(blocks, (asset) => [
      {
        ...report.byDay(chartWords.peaks, asset),
        axis: { name: 'kW', kind: 'number', least: 0 },
        series: [
          { column: block, shape: 'column', color: 'sky' },
          { column: contract, shape: 'line', color: 'red', line: 'dashed' },
        ],
      },
    ]),
  };
}

/** The quarter-hours of the day on which a main meter had its highest demand of the month. */
export async function profileSheet(report: Report): Promise<Sheet> {
  const { plant, column, word } = report;
  const meters = mainMeters(report);
  const peaks = await report.values({ granularity: 'day', kpis: ['en.peak_block'], assets: meters });
  const cells = (value: RolledValue): SheetCell[] => {
    const limits = plant.limits.filter(({ meter }) => meter === value.asset);
    return [
      ...report.dates(value),
      report.assetName(value.asset),
      report.clock(value.start),
      report.clock(value.end),
      value.value,
      value.value === null ? null : value.value / ((value.end - value.start) / 3.6e9),
      contractedAt(report, value),
      limitOver(plant.zone, limits, value)?.limitKw ?? null,
      word(statusWords[value.status]),
      value.coverage,
    ];
  };
  const blocks: Block[] = [];
  for (const asset of meters) {
    const ofMeter = peaks.filter((one) => one.asset === asset && one.value !== null);
    const peak = ofMeter.toSorted((a, b) => b.value! - a.value! || a.start - b.start)[0];
    if (!peak) continue;
    const range = { from: peak.start, to: peak.end };
    const quarters = await report.values({ granularity: '15min', kpis: ['en.kwh'], assets: [asset], range });
    blocks.push({ asset, rows: quarters.map(cells) });
  }
  const [begins, mean, contract, limit] = [3, 6, 7, 8];
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
      column('contract', 'number', 18),
      column('limit', 'number', 14),
      column('status', 'text', 13),
      column('coverage', 'percent', 11),
    ],
    ...laidOut(blocks, (asset) => {
      const day = blocks.find((block) => block.asset === asset)!.rows[0]?.[1];
      return [
        {
          ...{ title: `${word(chartWords.profile)} – ${report.assetName(asset)} – ${day}`, labels: begins },
          labelsName: word(words.start),
          axis: { name: 'kW', kind: 'number', least: 0 },
          series: [
            { column: mean, shape: 'line', color: 'blue', line: 'thick' },
            { column: contract, shape: 'line', color: 'red', line: 'dashed' },
            ...(plant.limits.some(({ meter }) => meter === asset)
              ? [{ column: limit, shape: 'line', color: 'orange', line: 'thick' } as const]
              : []),
          ],
        },
      ];
    }),
  };
}

export async function curtailmentSheet(report: Report): Promise<Sheet> {
  const { plant, month, column, word } = report;
  const limits = plant.limits.filter(({ from, to }) => from < month.end && month.start < to);
  const assets = [...new Set(limits.map(({ meter }) => meter))];
  const read = async (granularity: 'day' | 'month', kpi: string) =>
    assets.length === 0 ? [] : await report.values({ granularity, kpis: [kpi], assets });
  const values = await read('day', 'dr.compliance');
  const excess = (await read('month', 'dr.excess')).filter(({ value }) => value !== null);
  const limitOn = ({ asset, start, end }: RolledValue): number | null => {
    const told = limits.filter(({ meter, from, to }) => meter === asset && from < end && start < to);
    return told.length === 0 ? null : Math.min(...told.map(({ limitKw }) => limitKw));
  };
  return {
    name: word(sheetNames.curtailment),
    ...(limits.length === 0 && { empty: word(emptyWords.curtailment) }),
    // It is of events and months only.
    remarks: excess.map(
      ({ asset, value }) =>
        `${report.kpiName('dr.excess')}, ${report.assetName(asset)}: ${report.number(Math.round(value! * 10) / 10)} kWh`,
    ),
    columns: [
      column('date', 'date', 13),
      column('jalali', 'text', 13),
      column('asset', 'text', 26),
      column('limit', 'number', 14),
      column('intervals', 'integer', 11),
      column('measured', 'integer', 15),
      column('kept', 'integer', 12),
      column('compliance', 'percent', 13),
      column('status', 'text', 13),
    ],
    rows: besideEachOther(values, assets)
      .flatMap(({ beside }) => beside)
      .flatMap((row): SheetCell[][] => {
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
            word(statusWords[kept.status]),
          ],
        ];
      }),
  };
}

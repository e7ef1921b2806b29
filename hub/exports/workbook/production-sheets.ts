/** Summary, production by day, losses by line, and the Pareto of stops. */
import { againstTarget, type Light } from '../../kpi/target.ts';
import { oeeWaterfall } from '../../kpi/waterfall.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';
import { targetAt } from '../targets.ts';
import { type Block, laidOut } from './blocks.ts';
import { pareto, paretoChart } from './pareto.ts';
import { type Beside, besideEachOther, type Report, unitWord, valueCell } from './report.ts';
import type { Marked, Sheet, SheetCell } from './sheet.ts';
import { chartWords, lightWords, lossWords, sheetNames, stateWords, statusWords } from './words.ts';

const headlines = [
  ...['prod.oee', 'prod.availability', 'prod.effectiveness', 'prod.quality', 'prod.volume', 'prod.scrap'],
  ...[
    'prod.fpy',
    'prod.worker_eff',
    'prod.downtime_unpl',
    'mnt.mtbf',
    'mnt.mttr',
    'en.kwh',
    'en.carrier',
    'en.sec',
    'en.peak_block',
  ],
  ...['en.load_factor', 'en.contract_util', 'en.pf', 'en.share_peak', 'en.cost', 'en.co2e', 'en.saving'],
  ...['dr.compliance', 'dr.excess', 'dr.lost_hours', 'dq.complete', 'dq.valid'],
];

const tones: Readonly<Record<Light, Marked['tone']>> = {
  met: 'good',
  near: 'warn',
  missed: 'bad',
  unknown: undefined as never,
};

export async function summarySheet(report: Report): Promise<Sheet> {
  const { plant, month, previous, column, word } = report;
  const kpis = [...new Set([...headlines, ...plant.targets.map(({ kpi }) => kpi)])];
  const shown = [plant.path, ...plant.areas, ...plant.lines, ...plant.meters].map((one) =>
    typeof one === 'string' ? one : one.path,
  );
  const assets = [...shown, ...plant.targets.map(({ asset }) => asset)];
  const before = new Map(
    (
      await report.values({ granularity: 'month', kpis, assets, range: { from: previous.start, to: previous.end } })
    ).map((value) => [`${value.asset} ${value.kpi}`, value]),
  );
  const order = (value: RolledValue) => assets.indexOf(value.asset) * 1000 + kpis.indexOf(value.kpi);
  const values = (await report.values({ granularity: 'month', kpis, assets })).toSorted((a, b) => order(a) - order(b));
  const trends = new Map(report.definitions.map(({ id, trend }) => [id, trend]));
  return {
    name: word(sheetNames.summary),
    columns: [
      column('asset', 'text', 26),
      column('kpi', 'text', 38),
      column('id', 'text', 20),
      column('value', 'number', 14),
      column('unit', 'text', 15),
      column('target', 'number', 12),
      column('light', 'text', 14),
      column('previous', 'number', 14),
      column('change', 'number', 12),
      column('coverage', 'percent', 11),
      column('status', 'text', 13),
      column('state', 'text', 11),
      column('flags', 'text', 50),
    ],
    rows: values.map((value) => {
      const target = targetAt(plant, { ...value, end: month.end });
      const was = before.get(`${value.asset} ${value.kpi}`)?.value ?? null;
      const light = target === null ? undefined : againstTarget(value, target, trends.get(value.kpi) ?? 'none');
      return [
        report.assetName(value.asset),
        report.kpiName(value.kpi),
        value.kpi,
        valueCell(value, value.value),
        unitWord(value, report.language),
        valueCell(value, target),
        light ? { value: word(lightWords[light]), tone: tones[light] } : null,
        valueCell(value, was),
        valueCell(value, was === null || value.value === null ? null : value.value - was),
        value.coverage,
        word(statusWords[value.status]),
        word(stateWords[value.state]),
        report.flagWords(value.flags),
      ];
    }),
  };
}

const ratioKpis = ['prod.oee', 'prod.availability', 'prod.effectiveness', 'prod.quality'];

export async function productionSheet(report: Report): Promise<Sheet> {
  const { plant, column, word } = report;
  const lines = plant.lines.map(({ path }) => path);
  const assets = [...lines, ...plant.units.map(({ path }) => path)];
  const kpis = [...ratioKpis, 'prod.volume', 'prod.scrap'];
  const columns = [
    column('date', 'date', 13),
    column('jalali', 'text', 13),
    column('asset', 'text', 24),
    column('path', 'text', 26),
    column('produced', 'integer', 11),
    column('good', 'integer', 11),
    column('scrap', 'integer', 11),
    ...ratioKpis.map((id) => ({ header: report.kpiName(id), kind: 'percent' as const, width: 19 })),
    column('status', 'text', 13),
    column('coverage', 'percent', 11),
  ];
  const cells = (row: Beside): SheetCell[] => {
    const any = row.values().next().value!;
    const oee = row.get('prod.oee') ?? any;
    const { PQ = null, SQ = null } = row.get('prod.scrap')?.elements ?? {};
    return [
      ...report.dates(any),
      report.assetName(any.asset),
      report.pathInSite(any.asset),
      PQ,
      row.get('prod.volume')?.value ?? null,
      SQ,
      ...ratioKpis.map((id) => row.get(id)?.value ?? null),
      word(statusWords[oee.status]),
      oee.coverage,
    ];
  };
  const blocks = besideEachOther(await report.values({ granularity: 'day', kpis, assets }), assets).map(
    ({ asset, beside }): Block => ({ asset, rows: beside.map(cells) }),
  );
  const firstRatio = 7;
  return {
    name: word(sheetNames.production),
    columns,
    ...laidOut(blocks, (asset) =>
      lines.includes(asset)
        ? [
            {
              ...report.byDay(chartWords.oee, asset),
              axis: { name: '%', kind: 'percent', least: 0 },
              series: [
                { column: firstRatio, shape: 'line', color: 'blue', line: 'thick' },
                { column: firstRatio + 1, shape: 'line', color: 'orange', line: 'dashed' },
                { column: firstRatio + 2, shape: 'line', color: 'green', line: 'dotted' },
                { column: firstRatio + 3, shape: 'line', color: 'grey' },
              ],
            },
          ]
        : [],
    ),
  };
}

export async function lossesSheet(report: Report): Promise<Sheet> {
  const { plant, column, word } = report;
  const assets = [...plant.lines, ...plant.units].map(({ path }) => path);
  const values = await report.values({ granularity: 'month', kpis: ratioKpis, assets });
  const hours = (seconds: number | undefined) => (seconds === undefined ? null : seconds / 3600);
  return {
    name: word(sheetNames.losses),
    columns: [
      column('asset', 'text', 24),
      column('path', 'text', 26),
      column('plannedBusy', 'number', 16),
      column('stops', 'number', 14),
      column('unknown', 'number', 14),
      column('speed', 'number', 14),
      column('rejects', 'number', 14),
      column('valuable', 'number', 14),
      ...ratioKpis.map((id) => ({ header: report.kpiName(id), kind: 'percent' as const, width: 19 })),
      column('status', 'text', 13),
    ],
    rows: besideEachOther(values, assets)
      .flatMap(({ beside }) => beside)
      .map((row): SheetCell[] => {
        const any = row.values().next().value!;
        const lost = oeeWaterfall({ ...row.get('prod.availability')?.elements, ...piecesOf(row) });
        return [
          report.assetName(any.asset),
          report.pathInSite(any.asset),
          ...[lost?.plannedBusyS, lost?.stopsS, lost?.unknownS, lost?.speedS, lost?.qualityS, lost?.valuableS].map(
            hours,
          ),
          ...ratioKpis.map((id) => row.get(id)?.value ?? null),
          word(statusWords[(row.get('prod.oee') ?? any).status]),
        ];
      }),
  };
}

/** What the waterfall needs beside the times, from whichever KPI shows it. */
const piecesOf = (row: Beside): Record<string, number> =>
  Object.assign({}, ...[...row.values()].map(({ elements }) => elements));

export async function downtimeSheet(report: Report): Promise<Sheet> {
  const { plant, column, word } = report;
  const assets = plant.units.map(({ path }) => path);
  const losses = (await report.values({ granularity: 'month', kpis: ['prod.availability'], assets })).flatMap((value) =>
    Object.entries(lossWords).flatMap(([element, name]) => {
      const seconds = value.elements[element] ?? 0;
      return seconds >= 1 ? [{ asset: value.asset, cause: word(name), hours: seconds / 3600 }] : [];
    }),
  );
  return {
    name: word(sheetNames.downtime),
    columns: [
      column('asset', 'text', 24),
      column('path', 'text', 26),
      column('cause', 'text', 30),
      column('hours', 'number', 12),
      column('share', 'percent', 12),
      column('cumulative', 'percent', 12),
    ],
    ...laidOut(
      pareto(plant.path, losses, ({ cause }) => cause).map(({ asset, ranked }) => ({
        asset,
        rows: ranked.map(({ of, hours, share, cumulative }) => [
          ...[report.assetName(asset), report.pathInSite(asset), of.cause],
          ...[hours, share, cumulative],
        ]),
      })),
      (asset) => (asset === plant.path ? [paretoChart(report, chartWords.downtime, { labels: 2, hours: 3 })] : []),
    ),
  };
}

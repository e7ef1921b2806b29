/** Cover, data quality, scorecard, definitions, restatements, notes. */
import type { TimeUs } from '../../../protocols/sample.ts';
import { commonRules, edgeRules, symbols } from '../../kpi/edge-rules.ts';
import { againstTarget } from '../../kpi/target.ts';
import type { Bucket } from '../../plant/grid.ts';
import { bucketLabel } from '../../plant/local-time.ts';
import { closedAfterUs } from '../../rollup/values/rolled-values.ts';
import { laidOut } from './blocks.ts';
import { type Beside, besideEachOther, type Report, unitWord, valueCell } from './report.ts';
import type { Sheet, SheetCell } from './sheet.ts';
import {
  assessorWords,
  chartWords,
  definitionWords,
  emptyWords,
  lightWords,
  reportWords,
  restatementWords,
  sheetNames,
  sourceWords,
  stateWords,
  statusWords,
} from './words.ts';

export interface Facts {
  readonly version: number;
  readonly official: boolean;
  readonly preparer: string;
  /** Who issued it as official. */
  readonly approver: string | undefined;
  readonly madeAt: TimeUs;
}

/** Made last: it tells the hash of all that the other sheets read. */
export async function coverSheet(report: Report, facts: Facts): Promise<Sheet> {
  const { plant, month, word, column } = report;
  const [complete] = await report.values({ granularity: 'month', kpis: ['dq.complete'], assets: [plant.path] });
  const { time } = report;
  const subscriptions = [...new Set(plant.meters.flatMap(({ subscription }) => subscription ?? []))];
  const { enterprise, province } = plant.groups;
  const row = (what: keyof typeof reportWords, value: SheetCell): SheetCell[] => [
    { value: word(reportWords[what]), tone: 'strong' },
    value,
  ];
  return {
    name: word(sheetNames.cover),
    columns: [column('item', 'text', 30), column('value', 'text', 70)],
    rows: [
      row('title', { value: `${word(plant.name)} – ${report.monthName(month)}`, tone: 'strong' }),
      row('site', `${word(plant.name)} (${plant.path})`),
      ...(enterprise ? [row('enterprise', word(enterprise))] : []),
      ...(province ? [row('province', word(province))] : []),
      row('period', report.monthName(month)),
      row('from', time(month.start)),
      row('to', time(month.end)),
      row('subscription', subscriptions.join(' ') || word(reportWords.notTold)),
      row('status', { value: word(reportWords[facts.official ? 'official' : 'provisional']), tone: 'strong' }),
      row('version', { value: facts.version, kind: 'integer' }),
      row('preparer', facts.preparer),
      row('approver', facts.approver ?? word(reportWords.notApproved)),
      row('made', time(facts.madeAt)),
      row('coverage', { value: complete?.value ?? null, kind: 'percent' }),
      row('plant', plant.version),
      row('hash', report.seen().hash),
    ],
  };
}

const qualityKpis = ['dq.complete', 'dq.valid', 'dq.ontime', 'dq.latency', 'dq.uptime', 'dq.backfill', 'dq.clock'];

export async function qualitySheet(report: Report): Promise<Sheet> {
  const { plant, column, word } = report;
  const assets = [plant.path, ...plant.units.map(({ path }) => path), ...plant.meters.map(({ path }) => path)];
  const known = qualityKpis.flatMap((id) => report.definitions.filter((definition) => definition.id === id));
  const cells = (row: Beside): SheetCell[] => {
    const any = row.values().next().value!;
    return [
      ...report.dates(any),
      report.assetName(any.asset),
      report.pathInSite(any.asset),
      ...known.map(({ id }) => row.get(id)?.value ?? null),
      word(statusWords[(row.get('dq.complete') ?? any).status]),
    ];
  };
  const values = await report.values({ granularity: 'day', kpis: qualityKpis, assets });
  const first = 4;
  return {
    name: word(sheetNames.quality),
    columns: [
      column('date', 'date', 13),
      column('jalali', 'text', 13),
      column('asset', 'text', 26),
      column('path', 'text', 26),
      ...known.map(({ id, unit }) => {
        const word = unitWord({ kpi: id, unit }, report.language);
        const kind = unit === '1' ? ('percent' as const) : ('number' as const);
        return { header: unit === '1' ? report.kpiName(id) : `${report.kpiName(id)} (${word})`, kind, width: 19 };
      }),
      column('status', 'text', 13),
    ],
    ...laidOut(
      besideEachOther(values, assets).map(({ asset, beside }) => ({ asset, rows: beside.map(cells) })),
      (asset) =>
        asset === plant.path
          ? [
              {
                ...report.byDay(chartWords.quality, asset),
                axis: { name: '%', kind: 'percent', least: 0, most: 1 },
                series: [
                  { column: first, shape: 'column', color: 'sky' },
                  { column: first + 1, shape: 'line', color: 'red', line: 'dashed' },
                ],
              },
            ]
          : [],
    ),
  };
}

/** The targets of the pilot, each against the month. */
export async function scorecardSheet(report: Report): Promise<Sheet> {
  const { plant, month, column, word } = report;
  const { assessor } = plant.assessments.findLast(({ at }) => at < month.end) ?? {};
  const targets = plant.targets.filter(({ from, to }) => from < month.end && month.end <= to);
  const [kpis, assets] = [targets.map(({ kpi }) => kpi), targets.map(({ asset }) => asset)];
  const values = targets.length === 0 ? [] : await report.values({ granularity: 'month', kpis, assets });
  return {
    name: word(sheetNames.scorecard),
    empty: word(emptyWords.scorecard),
    remarks: assessor === undefined ? [] : [`${word(assessorWords)}: ${assessor}`],
    columns: [
      column('kpi', 'text', 32),
      column('id', 'text', 20),
      column('asset', 'text', 26),
      column('target', 'number', 13),
      column('value', 'number', 13),
      column('unit', 'text', 15),
      column('light', 'text', 14),
      column('status', 'text', 13),
    ],
    rows: [
      ...(await assessedRows(report)),
      ...targets.map(({ kpi, asset, value: target }): SheetCell[] => {
        const { trend = 'none', unit = '' } = report.definitions.find(({ id }) => id === kpi) ?? {};
        const value = values.find((one) => one.kpi === kpi && one.asset === asset);
        const told = { kpi, unit: value?.unit ?? unit };
        return [
          report.kpiName(kpi),
          kpi,
          report.assetName(asset),
          valueCell(told, target),
          valueCell(told, value?.value ?? null),
          unitWord(told, report.language),
          word(lightWords[value ? againstTarget(value, target, trend) : 'unknown']),
          word(statusWords[value?.status ?? 'no_data']),
        ];
      }),
    ],
  };
}

/** Readiness as somebody assessed it: by which model, and who. */
async function assessedRows(report: Report): Promise<SheetCell[][]> {
  const { plant, word } = report;
  const values = await report.values({ granularity: 'month', kpis: ['pl.maturity'], assets: [plant.path] });
  return values.map((value) => {
    const by = String(value.parameters?.model ?? '').toUpperCase();
    return [
      ...[report.kpiName(value.kpi), value.kpi, report.assetName(value.asset), null, value.value, by, null],
      word(statusWords[value.status]),
    ];
  });
}

/** Those of the pilot only where there is one. */
export function definitionsSheet({ plant, definitions, language, column, word }: Report): Sheet {
  const told = definitions.filter(({ compares }) => !compares || plant.pilot);
  return {
    name: word(sheetNames.definitions),
    columns: [
      column('id', 'text', 24),
      column('kpi', 'text', 36),
      column('unit', 'text', 14),
      column('formula', 'text', 48),
      column('version', 'integer', 8),
      column('source', 'text', 16),
      column('rules', 'text', 14),
      column('note', 'text', 48),
    ],
    rows: told.map(({ id, name, unit, formula, version, source, rules, note }) => [
      id,
      name[language],
      unitWord({ kpi: id, unit }, language),
      formula,
      version,
      sourceWords[source]?.[language] ?? source,
      rules.join(' ') || null,
      note?.[language] ?? null,
    ]),
    remarks: [
      `${word(definitionWords.common)}: ${commonRules.join(' ')}`,
      ...Object.entries(edgeRules).map(([rule, says]) => `${rule}: ${says[language]}`),
      ...Object.entries(symbols).map(([symbol, says]) => `${symbol}: ${says[language]}`),
    ],
  };
}

/** Figures that were issued otherwise, and those that changed after their bucket was closed: what people had relied on. */
export async function restatementsSheet(report: Report): Promise<Sheet> {
  const { plant, column, word, language } = report;
  const label = (bucket: Bucket) => report.jalali(bucketLabel(plant.zone, bucket, language));
  const issued = report.issuedAnew.map((one): SheetCell[] => [
    report.kpiName(one.kpi),
    one.kpi,
    report.pathInSite(one.asset),
    label({ ...one.label, end: one.label.start }),
    valueCell(one, one.before),
    valueCell(one, one.after),
    unitWord(one, language),
    { value: `v${one.version}`, tone: 'strong' },
    report.time(one.at),
    `${one.who}: ${one.why}`,
  ]);
  const { restated } = report.seen();
  const late = restated.filter(({ computedAt, end }) => computedAt >= end + closedAfterUs);
  const before = await report.before(late);
  const computed = late
    .filter((value) => !isSame(before.get(value), value.value))
    .map((value): SheetCell[] => [
      report.kpiName(value.kpi),
      value.kpi,
      report.pathInSite(value.asset),
      label(value.bucket),
      valueCell(value, before.get(value) ?? null),
      valueCell(value, value.value),
      unitWord(value, language),
      `${value.revision}`,
      report.time(value.computedAt),
      word(stateWords[value.state]),
    ]);
  return {
    name: word(sheetNames.restatements),
    empty: word(emptyWords.restatements),
    columns: [
      column('kpi', 'text', 32),
      column('id', 'text', 20),
      column('path', 'text', 26),
      column('jalali', 'text', 18),
      column('before', 'number', 14),
      column('value', 'number', 14),
      column('unit', 'text', 15),
      column('revision', 'text', 11),
      column('computed', 'text', 42),
      column('why', 'text', 50),
    ],
    rows: [...issued, ...computed],
    ...(restated.length > late.length && {
      remarks: [`${word(restatementWords.earlier)}: ${report.number(restated.length - late.length)}`],
    }),
  };
}

/** What went into it is another, and the figure is not. */
const isSame = (before: number | null | undefined, now: number | null): boolean =>
  before === now || (before != null && now !== null && Math.abs(before - now) <= 1e-9 * Math.abs(now));

const standingNotes = {
  en: [
    'An empty cell is "not known", never zero. Shares are fractions shown in percent.',
    'A date is that of the business day; a night shift belongs to the day on which it starts.',
    'Energy over a gap is spread evenly and counted as estimated; demand is of measured intervals only.',
    'Costs are estimates from the declared tariff, never a bill.',
    'Without figures of the month before, its columns are empty.',
  ],
  fa: [
    'خانهٔ خالی یعنی «نامعلوم»، نه صفر. نسبت‌ها به درصد نشان داده شده‌اند.',
    'تاریخ هر ردیف تاریخ روز کاری است؛ شیفت شب به روزی تعلق دارد که در آن آغاز می‌شود.',
    'انرژی دورهٔ قطع داده به‌طور یکنواخت پخش و برآوردی شمرده می‌شود؛ دیماند تنها از بازه‌های اندازه‌گیری‌شده است.',
    'هزینه‌ها برآوردی از تعرفهٔ اعلام‌شده‌اند و صورت‌حساب نیستند.',
    'اگر از ماه پیش رقمی نباشد، ستون‌های آن خالی است.',
  ],
};

/** @param empty the sheets that had nothing to show */
export function notesSheet(report: Report, empty: readonly Sheet[]): Sheet {
  const { language, note, word, column } = report;
  const nothing = empty.map(({ name, empty: why }) => `${name}: ${why ?? word(reportWords.nothing)}`);
  return {
    name: word(sheetNames.notes),
    columns: [column('note', 'text', 120)],
    rows: [...(note === undefined ? [] : [note]), ...standingNotes[language], ...nothing].map((text) => [text]),
  };
}

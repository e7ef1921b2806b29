/** What has changed since the time before the pilot: both figures, the change with its interval, and how much is known. */
import { againstTarget } from '../../kpi/target.ts';
import type { Plant } from '../../plant/plant.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';
import { type Report, unitWord, valueCell } from './report.ts';
import type { Marked, Sheet, SheetCell } from './sheet.ts';
import { emptyWords, pilotWords, sheetNames, statusWords } from './words.ts';

export async function pilotSheet(report: Report): Promise<Sheet> {
  const { plant, column, word, definitions } = report;
  const changes = new Map(definitions.flatMap(({ id, compares }) => (compares ? [[id, compares] as const] : [])));
  const values: RolledValue[] = [];
  // Each is computed from the days of two periods: one after the other, so that nobody waits for all.
  for (const kpis of Map.groupBy(changes.keys(), (id) => changes.get(id)!.id).values()) {
    for (const asset of plant.pilot ? shownAssets(plant) : []) {
      values.push(...(await report.values({ granularity: 'month', kpis, assets: [asset] })));
    }
  }
  const told = values.filter(({ flags }) => !flags.includes('NO_BEFORE'));
  const isShare = ({ kpi }: RolledValue) => kpi.startsWith('pl.delta_pct_');
  const shares = new Map(told.filter(isShare).map((value) => [keyOf(value, changes), value]));
  const ids = [...changes.keys()];
  const assets = shownAssets(plant);
  const order = ({ kpi, asset }: RolledValue) => ids.indexOf(kpi) * 1000 + assets.indexOf(asset);
  const rows = told.filter((value) => !isShare(value)).sort((a, b) => order(a) - order(b));
  return {
    name: word(sheetNames.pilot),
    empty: word(plant.pilot ? emptyWords.noBefore : emptyWords.pilot),
    columns: [
      column('kpi', 'text', 28),
      column('asset', 'text', 26),
      column('beforePilot', 'number', 12),
      column('inPilot', 'number', 12),
      column('change', 'number', 11),
      column('lowBound', 'number', 11),
      column('highBound', 'number', 11),
      column('unit', 'text', 14),
      column('relative', 'percent', 10),
      column('withoutCurtailed', 'number', 14),
      column('daysBefore', 'integer', 9),
      column('daysInPilot', 'integer', 9),
      column('coverage', 'percent', 10),
      column('status', 'text', 12),
      column('flags', 'text', 46),
    ],
    rows: rows.map((value): SheetCell[] => {
      const compared = changes.get(value.kpi)!;
      const number = (name: string): number | null => {
        const given = value.parameters?.[name];
        return typeof given === 'number' ? given : null;
      };
      const cell = (amount: number | null) => valueCell(value, amount);
      const [low, high] = value.bounds ?? [null, null];
      return [
        compared.name[report.language],
        report.assetName(value.asset),
        cell(number('before')),
        cell(number('after')),
        { ...(cell(value.value) as Marked), ...toneOf(value, compared.trend) },
        cell(low),
        cell(high),
        value.unit === '1' ? word(pilotWords.points) : unitWord(value, report.language),
        shares.get(keyOf(value, changes))?.value ?? null,
        cell(number('change_without_curtailed')),
        number('days_before'),
        number('days_after'),
        value.coverage,
        word(statusWords[value.status]),
        report.flagWords(value.flags),
      ];
    }),
    remarks: remarksOf(
      report,
      new Set(values.filter((value) => !told.includes(value)).map(({ kpi, asset }) => `${kpi} ${asset}`)).size,
    ),
  };
}

/** The site and its lines and meters: areas and units tell the same in other parts. */
const shownAssets = ({ path, lines, meters, pilot }: Plant): string[] => [
  ...new Set([
    path,
    ...[...lines, ...meters].map((one) => one.path),
    ...(pilot?.declared ?? []).map(({ asset }) => asset),
  ]),
];

const keyOf = ({ kpi, asset }: RolledValue, changes: ReadonlyMap<string, { readonly id: string }>): string =>
  `${changes.get(kpi)!.id} ${asset}`;

/** Only where the whole interval lies on one side of "no change". */
function toneOf({ value, bounds, status }: RolledValue, trend: 'higher' | 'lower' | 'none'): Pick<Marked, 'tone'> {
  const [low, high] = bounds ?? [null, null];
  if (value === null || low === null || high === null || trend === 'none' || (low <= 0 && high >= 0)) return {};
  const light = againstTarget({ value, status }, 0, trend);
  return { tone: light === 'met' ? 'good' : 'bad' };
}

function remarksOf(report: Report, without: number): string[] {
  const { plant, word, language } = report;
  const { pilot } = plant;
  if (!pilot) return [];
  const { from, baseline, staticChanges } = pilot;
  const span = baseline && `${report.moment(baseline.from)} – ${report.moment(baseline.to)}`;
  return [
    `${word(pilotWords.since)}: ${report.moment(from)}`,
    ...(span ? [`${word(pilotWords.baseline)}: ${span}`] : []),
    word(pilotWords.interval),
    ...staticChanges.map(({ at, what }) => `${word(pilotWords.otherChange)}: ${report.moment(at)} – ${what[language]}`),
    ...(without > 0 ? [`${word(pilotWords.noBefore)}: ${report.number(without)}`] : []),
  ];
}

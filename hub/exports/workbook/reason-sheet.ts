/** The Pareto of reasons for which units stood, with what nobody has explained. */
import { laidOut } from './blocks.ts';
import { pareto, paretoChart } from './pareto.ts';
import type { Report } from './report.ts';
import type { Sheet } from './sheet.ts';
import { chartWords, emptyWords, reasonWords, sheetNames } from './words.ts';

export async function reasonSheet(report: Report): Promise<Sheet> {
  const { plant, explained, column, word } = report;
  const reasons = new Map(plant.reasons.map((reason) => [reason.code, reason]));
  const stops: { asset: string; reason: string; code: string; hours: number; entries: number | null }[] = [];
  for (const [asset, byReason] of explained) {
    for (const [code, { seconds, entries }] of byReason) {
      const reason = reasons.get(code);
      stops.push({ asset, reason: reason ? word(reason.name) : code, code, hours: seconds / 3600, entries });
    }
  }
  const assets = plant.units.map(({ path }) => path);
  const known = await report.values({ granularity: 'month', kpis: ['prod.reason_cov'], assets });
  for (const { asset, elements } of known) {
    const hours = ((elements.DOWN_s ?? 0) - (elements.DOWN_reasoned_s ?? 0)) / 3600;
    if (hours > 0) stops.push({ asset, reason: word(reasonWords.none), code: '', hours, entries: null });
  }
  const entriesOf = (asset: string, code: string): number =>
    stops
      .filter((stop) => stop.code === code && (asset === plant.path || stop.asset === asset))
      .reduce((sum, { entries }) => sum + (entries ?? 0), 0);
  return {
    name: word(sheetNames.reasons),
    empty: word(emptyWords.reasons),
    columns: [
      column('asset', 'text', 24),
      column('path', 'text', 26),
      column('reason', 'text', 30),
      column('id', 'text', 16),
      column('entries', 'integer', 10),
      column('hours', 'number', 12),
      column('share', 'percent', 12),
      column('cumulative', 'percent', 12),
    ],
    ...laidOut(
      pareto(plant.path, stops, ({ code }) => code).map(({ asset, ranked }) => ({
        asset,
        rows: ranked.map(({ of: { reason, code }, hours, share, cumulative }) => [
          ...[report.assetName(asset), report.pathInSite(asset), reason],
          ...[code || null, code ? entriesOf(asset, code) : null],
          ...[hours, share, cumulative],
        ]),
      })),
      (asset) => (asset === plant.path ? [paretoChart(report, chartWords.reasons, { labels: 2, hours: 5 })] : []),
    ),
  };
}

/** The Pareto of reasons for which units stood, with what nobody has explained. */
import type { Report } from './report.ts';
import type { Sheet, SheetCell } from './sheet.ts';
import { emptyWords, reasonWords, sheetNames } from './words.ts';

export function reasonSheet(report: Report): Sheet {
  const { plant, explained, column, word } = report;
  const reasons = new Map(plant.reasons.map((reason) => [reason.code, reason]));
  const stops = [...explained].flatMap(([asset, byReason]) =>
    [...byReason].map(([code, { seconds, entries }]) => {
      const reason = reasons.get(code);
      return { asset, reason: reason ? word(reason.name) : code, code, hours: seconds / 3600, entries };
    }),
  );
  const assets = plant.units.map(({ path }) => path);
  for (const { asset, elements } of report.values({ granularity: 'month', kpis: ['prod.reason_cov'], assets })) {
    const hours = ((elements.DOWN_s ?? 0) - (elements.DOWN_reasoned_s ?? 0)) / 3600;
    if (hours > 0) stops.push({ asset, reason: word(reasonWords.none), code: '', hours, entries: null });
  }
  stops.sort((a, b) => b.hours - a.hours);
  const total = stops.reduce((sum, { hours }) => sum + hours, 0);
  let running = 0;
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
    rows: stops.map(({ asset, reason, code, hours, entries }): SheetCell[] => {
      running += hours;
      return [
        report.assetName(asset),
        report.pathInSite(asset),
        reason,
        code || null,
        entries,
        hours,
        hours / total,
        running / total,
      ];
    }),
  };
}

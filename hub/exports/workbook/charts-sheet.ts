/** The sheet of charts: those that the other sheets declare of their cells, four on a page. */
import type { Report } from './report.ts';
import type { Picture, Sheet, SheetCell } from './sheet.ts';
import { chartWords, sheetNames } from './words.ts';

/** Of one sheet: a site with twenty lines is not told better by twenty charts. */
const mostOfSheet = 4;

/** Two beside each other; their widths fill a landscape page. */
const columnWidth = 65;

export function chartsSheet({ word }: Report, sheets: readonly Sheet[]): Sheet {
  const pictures = sheets.flatMap(({ name, charts = [] }) =>
    charts.slice(0, mostOfSheet).map((chart): Picture => {
      const sheet = `${word(chartWords.sheet)}: ${name}`;
      return { chart, from: name, caption: chart.labelsName ? `${chart.labelsName} – ${sheet}` : sheet };
    }),
  );
  const rows: SheetCell[][] = [];
  for (let index = 0; index < pictures.length; index += 2) {
    rows.push(pictures.slice(index, index + 2).map(({ chart }) => chart.title));
  }
  const more = sheets.flatMap(({ charts = [] }) => charts.slice(mostOfSheet).map(({ title }) => title));
  return {
    name: word(sheetNames.charts),
    columns: [
      { header: word(sheetNames.charts), kind: 'text', width: columnWidth },
      { header: word(chartWords.about), kind: 'text', width: columnWidth },
    ],
    rows,
    pictures,
    ...(more.length > 0 && { remarks: [`${word(chartWords.more)}: ${more.join('; ')}`] }),
  };
}

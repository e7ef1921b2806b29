/** A chart of a sheet, as the library draws it. */
import {
  Chart,
  ChartFont,
  ChartFormat,
  ChartLegendPosition,
  ChartLine,
  ChartLineDashType,
  ChartMarker,
  ChartRange,
  ChartSeries,
  ChartSolidFill,
  ChartType,
  Color,
} from 'wasm-xlsxwriter';
import { asText } from '../csv.ts';
import { type Axis, colors, type Series } from './chart.ts';
import { formats, shownAs } from './number-format.ts';
import type { Picture, Sheet } from './sheet.ts';

const types: Readonly<Record<Series['shape'], ChartType>> = {
  line: ChartType.Line,
  column: ChartType.Column,
  stack: ChartType.ColumnStacked,
};
const dashes = { thick: ChartLineDashType.Solid, dashed: ChartLineDashType.Dash, dotted: ChartLineDashType.RoundDot };

/** @param sheet has its cells */
export function drawChart(
  { chart, caption }: Picture,
  sheet: Sheet,
  { width, height }: { readonly width: number; readonly height: number },
  rightToLeft: boolean,
): Chart {
  const font = (size: number) => new ChartFont().setName('DejaVu Sans').setSize(size).setRightToLeft(rightToLeft);
  /** Not every program asks a chart where its text is read from; embedded (RLE, PDF) it says so itself. */
  const said = (text: string) => (rightToLeft ? `\u202b${asText(text)}\u202c` : asText(text));
  const rangeOf = (column: number) =>
    ChartRange.newFromRange(sheet.name, chart.first + 1, column, chart.first + chart.count, column);
  const seriesOf = ({ column, shape, color, line, aside = false }: Series): ChartSeries =>
    new ChartSeries()
      .setName(said(sheet.columns[column]!.header))
      .setCategories(rangeOf(chart.labels))
      .setValues(rangeOf(column))
      .setSecondaryAxis(aside)
      .setMarker(new ChartMarker().setNone())
      .setFormat(shape === 'line' ? lineOf(color, line) : filled(color));
  const parts = [...Map.groupBy(chart.series, ({ shape, aside = false }) => `${shape} ${aside}`).values()].map(
    (own) => {
      const part = new Chart(types[own[0]!.shape]);
      for (const series of own) part.pushSeries(seriesOf(series));
      return part;
    },
  );
  const [drawn, ...others] = parts as [Chart, ...Chart[]];
  const dress = (axis: ReturnType<Chart['yAxis']>, { name, kind, least, most }: Axis) => {
    if (name) axis.setName(said(name)).setNameFont(font(9));
    axis.setFont(font(8)).setNumFormat(shownAs(kind === 'percent' ? '0%' : formats.integer, rightToLeft));
    if (least !== undefined) axis.setMin(least);
    if (most !== undefined) axis.setMax(most);
  };
  for (const other of others) drawn.combine(other);
  if (chart.axisAside) dress(drawn.y2Axis(), chart.axisAside);
  drawn.title().setName(said(chart.title)).setFont(font(10).setBold());
  drawn.xAxis().setName(said(caption)).setNameFont(font(8)).setFont(font(8));
  dress(drawn.yAxis(), chart.axis);
  drawn.legend().setPosition(ChartLegendPosition.Top).setFont(font(8));
  return drawn.setWidth(width).setHeight(height).setAltText(chart.title);
}

const colorOf = (name: Series['color']): Color => Color.parse(colors[name]);

function lineOf(color: Series['color'], line?: Series['line']): ChartFormat {
  const drawn = new ChartLine().setColor(colorOf(color)).setWidth(line === 'thick' ? 2.5 : 1.5);
  return new ChartFormat().setLine(line ? drawn.setDashType(dashes[line]) : drawn);
}

const filled = (color: Series['color']): ChartFormat =>
  new ChartFormat().setSolidFill(new ChartSolidFill().setColor(colorOf(color)));

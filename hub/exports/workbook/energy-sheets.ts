/** Energy by day and band, and energy per unit of output. */
import { plantAssets } from '../../plant/assets.ts';
import { type Block, laidOut } from './blocks.ts';
import { type Beside, besideEachOther, type Report, unitWord } from './report.ts';
import type { Sheet, SheetCell } from './sheet.ts';
import { carrierWords, chartWords, emptyWords, sheetNames, statusWords } from './words.ts';

export async function energySheet(report: Report): Promise<Sheet> {
  const { plant, column, word } = report;
  const meters = new Map(plant.meters.map((meter) => [meter.path, meter]));
  const assets = [...meters.keys()];
  const kpis = ['en.kwh', 'en.carrier', 'en.share_peak', 'en.cost'];
  const cells = (row: Beside): SheetCell[][] => {
    const used = row.get('en.kwh') ?? row.get('en.carrier');
    if (!used) return [];
    const bands = row.get('en.share_peak');
    const banded = bands && bands.status !== 'undefined' && bands.status !== 'no_data' ? bands.elements : {};
    return [
      [
        ...report.dates(used),
        report.assetName(used.asset),
        word(carrierWords[meters.get(used.asset)!.carrier]),
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
  };
  const blocks = besideEachOther(await report.values({ granularity: 'day', kpis, assets }), assets).map(
    ({ asset, beside }): Block => ({ asset, rows: beside.flatMap(cells) }),
  );
  const [amount, peak] = [4, 6];
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
    ...laidOut(blocks, (asset) => {
      const isElectric = meters.get(asset)!.carrier === 'electricity';
      const unit = blocks.find((block) => block.asset === asset)?.rows[0]?.[amount + 1];
      return [
        {
          ...report.byDay(isElectric ? chartWords.bands : chartWords.carrier, asset),
          axis: { name: String(unit ?? ''), kind: 'number', least: 0 },
          series: isElectric
            ? [
                { column: peak, shape: 'stack', color: 'red' },
                { column: peak + 1, shape: 'stack', color: 'sky' },
                { column: peak + 2, shape: 'stack', color: 'green' },
              ]
            : [{ column: amount, shape: 'column', color: 'orange' }],
        },
      ];
    }),
  };
}

export async function enpiSheet(report: Report): Promise<Sheet> {
  const { plant, column, word } = report;
  const kpis = ['en.sec', 'en.eei'];
  const assets = [...new Set([plant.path, ...plantAssets([plant]).map(({ path }) => path)])];
  const cells = (beside: readonly Beside[]): SheetCell[][] => {
    let drift = 0;
    // A meter that measures nothing that is made has neither.
    return beside.filter(tellsSomething).map((row) => {
      const any = row.get('en.sec') ?? row.values().next().value!;
      const eei = row.get('en.eei');
      const kwh = any.elements.kWh ?? null;
      const expected = eei?.value == null ? null : Number(eei.parameters?.expected_kWh);
      if (expected !== null && kwh !== null) drift += kwh - expected;
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
        expected === null ? null : drift,
        word(statusWords[any.status]),
      ];
    });
  };
  const blocks = besideEachOther(await report.values({ granularity: 'day', kpis, assets }), assets).map(
    ({ asset, beside }): Block => ({ asset, rows: cells(beside) }),
  );
  const [kwh, expected, cusum] = [3, 8, 9];
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
    // Without a baseline there is nothing to hold it against.
    ...laidOut(blocks, (asset) => [
      {
        ...report.byDay(chartWords.baseline, asset),
        axis: { name: 'kWh', kind: 'number', least: 0 },
        series: [
          { column: expected, shape: 'line', color: 'red', line: 'dashed' },
          { column: kwh, shape: 'column', color: 'sky' },
        ],
      },
      {
        ...report.byDay(chartWords.cusum, asset),
        axis: { name: 'kWh', kind: 'number' },
        series: [{ column: cusum, shape: 'line', color: 'blue', line: 'thick' }],
      },
    ]),
  };
}

const tellsSomething = (row: Beside): boolean => [...row.values()].some(({ status }) => status !== 'undefined');

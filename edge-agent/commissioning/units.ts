/** A display may show another unit of the same quantity than the tag has: MWh instead of kWh, °F instead of °C. */

/** in the first unit of its row = value × factor + offset */
type Row = Readonly<Record<string, number | readonly [factor: number, offset: number]>>;

const quantities: readonly Row[] = [
  { W: 1, kW: 1e3, MW: 1e6, وات: 1, کیلووات: 1e3, مگاوات: 1e6, hp: 745.699872 },
  {
    Wh: 1,
    kWh: 1e3,
    MWh: 1e6,
    GWh: 1e9,
    کیلوواتساعت: 1e3,
    مگاواتساعت: 1e6,
    kJ: 1e3 / 3.6,
    MJ: 1e6 / 3.6,
    GJ: 1e9 / 3.6,
  },
  { var: 1, kvar: 1e3, Mvar: 1e6 },
  { varh: 1, kvarh: 1e3, Mvarh: 1e6 },
  { VA: 1, kVA: 1e3, MVA: 1e6 },
  { mV: 1e-3, V: 1, kV: 1e3, ولت: 1 },
  { mA: 1e-3, A: 1, kA: 1e3, آمپر: 1 },
  { Hz: 1, kHz: 1e3, هرتز: 1 },
  {
    Pa: 1,
    hPa: 100,
    kPa: 1e3,
    MPa: 1e6,
    mbar: 100,
    bar: 1e5,
    بار: 1e5,
    psi: 6894.757293168,
    atm: 101_325,
    'kgf/cm²': 98_066.5,
  },
  { '°C': 1, C: 1, درجه: 1, '°F': [5 / 9, -160 / 9], F: [5 / 9, -160 / 9], K: [1, -273.15] },
  { 'm³': 1, m3: 1, M3: 1, l: 1e-3, L: 1e-3, dm3: 1e-3, 'dm³': 1e-3, مترمکعب: 1, لیتر: 1e-3 },
  {
    'm³/h': 1,
    'm3/h': 1,
    'l/h': 1e-3,
    'L/h': 1e-3,
    'l/min': 0.06,
    'L/min': 0.06,
    'l/s': 3.6,
    'L/s': 3.6,
    'm³/s': 3600,
  },
  { kg: 1, g: 1e-3, t: 1e3, کیلوگرم: 1, تن: 1e3 },
  { mm: 1e-3, cm: 1e-2, m: 1, km: 1e3, متر: 1 },
  { 'm/s': 1, 'm/min': 1 / 60, 'km/h': 1 / 3.6 },
  { s: 1, ms: 1e-3, min: 60, h: 3600, d: 86_400, ثانیه: 1, دقیقه: 60, ساعت: 3600 },
  { '1/min': 1, rpm: 1, 'r/min': 1, '/min': 1, '1/s': 60, '1/h': 1 / 60 },
  { '%': 0.01, '٪': 0.01, درصد: 0.01, '1': 1, '': 1 },
  { pcs: 1, عدد: 1, '': 1 },
];

export interface Conversion {
  /** value in the other unit = value × factor + offset */
  readonly factor: number;
  readonly offset: number;
}

/** undefined when one is not known, or they measure different things. The same unit, known or not, is itself. */
export function convert(from: string, to: string): Conversion | undefined {
  const [a, b] = [plain(from), plain(to)];
  if (a === b) return { factor: 1, offset: 0 };
  for (const row of quantities) {
    const [here, there] = [find(row, a), find(row, b)];
    if (!here || !there) continue;
    return { factor: here[0] / there[0], offset: (here[1] - there[1]) / there[0] };
  }
  return undefined;
}

/** Names of other units of the same quantity, the way our tables write them. */
export const alike = (unit: string): string[] =>
  quantities.filter((row) => find(row, plain(unit))).flatMap((row) => Object.keys(row).filter((name) => name !== unit));

const plain = (unit: string): string => unit.replaceAll(/[\s\u200c·-]/g, '').replace('℃', '°C');

/** As written, and where that is not known regardless of capitals, since displays show KWH; but never m for M. */
function find(row: Row, unit: string): readonly [number, number] | undefined {
  const same = (name: string) =>
    name.toLowerCase() === unit.toLowerCase() && (name[0] === unit[0] || !/^m/i.test(unit));
  const found = Object.hasOwn(row, unit) ? row[unit] : row[Object.keys(row).find(same) ?? unit];
  return typeof found === 'number' ? [found, 0] : found;
}

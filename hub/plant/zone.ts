/**
 * Local time of a plant, by the IANA zones of the runtime's ICU. Stored times are UTC; only calendars think locally.
 */
import { ConfigError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';

export const minuteUs = 60_000_000;
export const hourUs = 60 * minuteUs;
export const dayUs = 24 * hourUs;

const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws {RangeError} when the runtime does not know the zone. */
function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  return format;
}

export function isZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** Zones change their offset on quarter-hours of UTC; asking the runtime takes some microseconds each time. */
const quarterUs = 15 * minuteUs;
const knownOffsets = new Map<string, Map<number, number>>();
const mostKnown = 50_000;

/** How far local time is ahead of UTC at this instant. */
export function zoneOffsetUs(zone: string, time: TimeUs): number {
  const quarter = Math.floor(time / quarterUs);
  let known = knownOffsets.get(zone);
  if (!known || known.size >= mostKnown) {
    known = new Map();
    knownOffsets.set(zone, known);
  }
  let offset = known.get(quarter);
  if (offset === undefined) {
    offset = askOffsetUs(zone, quarter * quarterUs);
    known.set(quarter, offset);
  }
  return offset;
}

function askOffsetUs(zone: string, time: TimeUs): number {
  const second = time / 1000;
  const part: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(second)) part[type] = Number(value);
  const local = Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!);
  return (local - second) * 1000;
}

/** Local wall time as if it were UTC: its days and times of day are the plant's. */
export const toLocal = (zone: string, time: TimeUs): TimeUs => time + zoneOffsetUs(zone, time);

/**
 * The instant of a local wall time. One that occurs twice is the earlier; one that a clock change leaves out is
 * as much later as the change is long: 00:00 of 2022-03-22 in Tehran is 01:00.
 */
export function fromLocal(zone: string, local: TimeUs): TimeUs {
  const before = zoneOffsetUs(zone, local - dayUs);
  const after = zoneOffsetUs(zone, local + dayUs);
  const isRight = (time: TimeUs) => toLocal(zone, time) === local;
  return isRight(local - before) || !isRight(local - after) ? local - before : local - after;
}

/**
 * Whether the runtime's zone data know that Iran ended summer time in 2022 (kpi.md §2.3): without it every local hour
 * of every summer would be wrong. To be called before calendars are built.
 * @throws {ConfigError} when they do not.
 */
export function checkZoneData(offsetUs: typeof zoneOffsetUs = zoneOffsetUs): void {
  const offsetHours = (iso: string) => offsetUs('Asia/Tehran', Date.parse(iso) * 1000) / hourUs;
  if (offsetHours('2023-07-01T00:00Z') === 3.5 && offsetHours('2022-07-01T00:00Z') === 4.5) return;
  throw new ConfigError('the time zone data of this Node.js do not know the end of summer time in Iran', {
    path: `icu ${process.versions.icu}, tz ${process.versions.tz}`,
    hint: 'Use a Node.js with tz data of 2022b or later, and do not set NODE_ICU_DATA to older ones.',
  });
}

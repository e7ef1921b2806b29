/** Jalali dates, buckets of local time, and the days on which the clock was set. */
import t from 'tap';
import { buckets, cells, type Granularity, snapped } from '../../hub/plant/grid.ts';
import { dayToJalali, formatJalali, isLeapYear, jalaliToDay, monthLength } from '../../hub/plant/jalali.ts';
import { vectorPlant } from '../support/vector-plant.ts';

const utc = (iso: string) => Date.parse(iso) * 1000;
const iso = (time: number) => new Date(time / 1000).toISOString().slice(0, 16);
const day = (iso: string) => Date.parse(iso) / 86_400_000;
const name = { en: 'n', fa: 'n' };

t.test('Jalali dates are those of the official calendar, every day from 1380 to 1450', (t) => {
  const format = new Intl.DateTimeFormat('en-u-ca-persian-nu-latn', {
    timeZone: 'UTC',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
  });
  let days = 0;
  const last = jalaliToDay({ year: 1451, month: 1, day: 1 });
  for (let at = jalaliToDay({ year: 1380, month: 1, day: 1 }); at < last; at++, days++) {
    const parts = Object.fromEntries(format.formatToParts(at * 86_400_000).map(({ type, value }) => [type, value]));
    const found = dayToJalali(at);
    const same = `${parts.year}-${parts.month}-${parts.day}`.replace(' AP', '') === Object.values(found).join('-');
    if (!same || jalaliToDay(found) !== at) t.fail(`${at}: ${formatJalali(found)}`);
  }
  t.equal(days, 25_932);
  for (const [gregorian, jalali] of [
    ['2025-03-20', '1403-12-30'],
    ['2025-03-21', '1404-01-01'],
    ['2025-07-22', '1404-04-31'],
    ['2025-11-23', '1404-09-02'],
    ['2026-03-20', '1404-12-29'],
    ['2030-03-20', '1408-12-30'],
  ] as const) {
    t.equal(formatJalali(dayToJalali(day(gregorian))), jalali);
  }
  t.same([1403, 1404, 1408].map(isLeapYear), [true, false, true]);
  t.throws(() => jalaliToDay({ year: 1404, month: 12, day: monthLength(1404, 12) + 1 }), { name: 'RangeError' });
  t.throws(() => jalaliToDay({ year: 1404, month: 13, day: 1 }), { name: 'RangeError' });
  t.throws(() => dayToJalali(day('1600-01-01')), { name: 'RangeError' });
  t.end();
});

t.test('buckets are whole local hours, shifts, business days, Saturday weeks and months', (t) => {
  const night = { code: 'night', name, start: '22:10', end: '06:00' };
  const plant = vectorPlant({ businessDayStart: '06:00', shifts: [night] });
  const at = (granularity: Granularity) =>
    buckets(plant, granularity, utc('2025-07-07T18:50Z'), utc('2025-07-07T18:51Z')).map((bucket) => [
      iso(bucket.start),
      iso(bucket.end),
      bucket.jalaliDate,
    ]);
  t.same(at('15min'), [['2025-07-07T18:45', '2025-07-07T19:00', '1404-04-16']]);
  t.same(at('hour'), [['2025-07-07T18:30', '2025-07-07T19:30', '1404-04-16']]);
  t.same(at('shift'), [['2025-07-07T18:40', '2025-07-08T02:30', '1404-04-16']]);
  t.same(at('day'), [['2025-07-07T02:30', '2025-07-08T02:30', '1404-04-16']]);
  t.same(at('week'), [['2025-07-05T02:30', '2025-07-12T02:30', '1404-04-14']]);
  t.same(at('month'), [['2025-06-22T02:30', '2025-07-23T02:30', '1404-04-01']]);
  t.same(at('gregorian_month'), [['2025-07-01T02:30', '2025-08-01T02:30', '1404-04-10']]);
  t.same(
    cells(plant, utc('2025-07-07T18:15Z'), utc('2025-07-07T18:50Z')).map(({ start, end }) => [iso(start), iso(end)]),
    [
      ['2025-07-07T18:15', '2025-07-07T18:30'],
      ['2025-07-07T18:30', '2025-07-07T18:40'],
      ['2025-07-07T18:40', '2025-07-07T18:45'],
      ['2025-07-07T18:45', '2025-07-07T18:50'],
    ],
    'cut where a shift begins',
  );
  const window = { start: utc('2025-07-07T18:50Z'), end: utc('2025-07-08T02:31Z') };
  t.same(Object.values(snapped(plant, 'hour', window)).map(iso), ['2025-07-07T18:30', '2025-07-08T03:30']);
  t.end();
});

t.test('TV-L: days of 23, 24 and 25 hours', (t) => {
  const plant = vectorPlant();
  const dayOf = (time: string) => {
    const [bucket] = buckets(plant, 'day', utc(time), utc(time) + 1);
    return [iso(bucket!.start), iso(bucket!.end), bucket!.jalaliDate];
  };
  t.same(dayOf('2025-07-07T08:00Z'), ['2025-07-06T20:30', '2025-07-07T20:30', '1404-04-16']);
  t.same(dayOf('2022-03-22T08:00Z'), ['2022-03-21T20:30', '2022-03-22T19:30', '1401-01-02']);
  t.same(dayOf('2022-09-21T08:00Z'), ['2022-09-20T19:30', '2022-09-21T20:30', '1401-06-30']);
  t.end();
});

/** What a bucket is called in both languages, in the calendar asked for; Persian text has Persian digits. */
import type { Bucket } from '../../plant/grid.ts';
import { bucketLabel, formatLocal, gregorianDate, persianDigits } from '../../plant/local-time.ts';
import type { Words } from '../../words.ts';

export const calendars = ['jalali', 'gregorian'] as const;
export type Calendar = (typeof calendars)[number];

export function bucketLabels(zone: string, bucket: Bucket, calendar: Calendar): Words {
  const label = (language: 'en' | 'fa') =>
    calendar === 'jalali' ? bucketLabel(zone, bucket, language) : gregorianLabel(zone, bucket, language);
  return { en: label('en'), fa: persianDigits(label('fa').replaceAll('-', '/')) };
}

function gregorianLabel(zone: string, bucket: Bucket, language: 'en' | 'fa'): string {
  const day = gregorianDate(bucket.jalaliDate).toISOString().slice(0, 10);
  switch (bucket.granularity) {
    case 'shift':
      return `${bucket.shift?.name[language] ?? ''} ${day}`.trim();
    case 'hour':
    case '15min':
      return formatLocal(zone, bucket.start).slice(0, 16).replace('T', ' ');
    case 'gregorian_month':
      return day.slice(0, 7);
    case 'month':
      return bucketLabel(zone, bucket, language);
    default:
      return day;
  }
}

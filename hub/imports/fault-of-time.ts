/** Times that no import may tell of: of before clocks were right, and those whose figures could not be made again. */
import type { TimeUs } from '../../protocols/sample.ts';

/** @returns the kind of fault, and what it is in both languages. */
export type FaultOfTime = (time: TimeUs) => readonly [kind: string, en: string, fa: string] | undefined;

/** Clocks that were never set begin before it. */
const earliest: TimeUs = 946_684_800_000_000;

/**
 * @param oldest what is measured before it is not kept
 * @param deleted samples of this time were deleted
 */
export const faultOfTime =
  (oldest: TimeUs | undefined, deleted: { readonly start: TimeUs; readonly end: TimeUs } | undefined): FaultOfTime =>
  (time) => {
    if (time < earliest) {
      const fa = 'پیش از سال ۲۰۰۰ میلادی است: هیچ ساعتی درست نبود';
      return ['too old', 'lies before the year 2000: no clock was right', fa];
    }
    if (time < (oldest ?? earliest)) {
      return [
        'retention',
        'is older than samples are kept: raise retention.rawDays of the hub first',
        'کهنه‌تر از آن است که نمونه‌ها نگه داشته می‌شوند: نخست retention.rawDays هاب را زیاد کنید',
      ];
    }
    if (deleted && deleted.start <= time && time < deleted.end) {
      return [
        'deleted',
        'lies in time whose samples retention has deleted: figures of it can no more be made again',
        'در زمانی است که نمونه‌هایش پاک شده‌اند: ارقام آن دیگر ساخته نمی‌شود',
      ];
    }
    return undefined;
  };

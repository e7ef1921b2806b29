/** What a flag of a value says, in both languages. A flag never changes a value; it says how to read it. */
export const flags = {
  NO_INPUT: { en: 'an input was not measured', fa: 'یکی از ورودی‌ها اندازه‌گیری نشده است' },
  DEN_ZERO: { en: 'the denominator is 0', fa: 'مخرج صفر است' },
  NOT_FINITE: { en: 'the division overflowed', fa: 'حاصل تقسیم عددی متناهی نیست' },
  COUNTER_SUSPECT: { en: 'a counter step nobody can believe', fa: 'جهش یا افت باورنکردنی در شمارنده' },
  COUNTER_RESET: { en: 'a counter was reset', fa: 'شمارنده بازنشانی شده است' },
  ESTIMATED: { en: 'energy over a gap is spread evenly', fa: 'انرژی دوره بی‌داده به‌طور یکنواخت پخش شده است' },
  INTEGRATED: { en: 'energy integrated from power', fa: 'انرژی از انتگرال توان به دست آمده است' },
  ALLOCATED: { en: 'energy shared out by an allocation', fa: 'انرژی با ضریب تسهیم تقسیم شده است' },
  SAMPLES_GONE: {
    en: 'stands as it was: its samples are deleted',
    fa: 'داده‌های خام حذف شده‌اند؛ مقدار پیشین حفظ شده است',
  },
  INCOMPLETE: { en: 'begins before the data of its site do', fa: 'آغاز بازه پیش از نخستین داده سایت است' },
  UNMEASURED: { en: 'some intervals were not measured', fa: 'برخی بازه‌ها اندازه‌گیری نشده‌اند' },
  ESTIMATE: { en: 'an estimate from references', fa: 'برآورد بر پایه مقادیر مرجع' },

  NO_PRI: { en: 'no planned run time', fa: 'زمان استاندارد قطعه تعریف نشده است' },
  PRI_SUSPECT: { en: 'the planned run time is likely too long', fa: 'زمان استاندارد قطعه احتمالاً بیش از حد است' },
  PQ_WITHOUT_APT: { en: 'pieces without running time', fa: 'تولید بدون زمان کارکرد' },
  CALENDAR_MISMATCH: { en: 'more running time than planned time', fa: 'زمان کارکرد بیش از زمان برنامه‌ریزی‌شده است' },
  RUN_NO_ORDER: { en: 'ran without an order', fa: 'تولید بدون سفارش' },
  ORDERS_ASSUMED: { en: 'orders are not declared', fa: 'سفارش‌ها تعریف نشده‌اند' },
  NO_PLAN: { en: 'no planned quantity', fa: 'مقدار برنامه تعریف نشده است' },
  NO_CAPACITY: { en: 'no rated capacity', fa: 'ظرفیت اسمی تعریف نشده است' },
  NO_MASS: { en: 'a product without a mass', fa: 'جرم محصول تعریف نشده است' },
  NO_FAILURE: { en: 'no failure: a lower bound only', fa: 'بدون خرابی؛ فقط کران پایین' },
  FAILURE_OPEN: { en: 'a failure has not ended', fa: 'خرابی پایان‌نیافته' },

  NO_FACTOR: { en: 'no conversion or emission factor', fa: 'ضریب تبدیل یا انتشار تعریف نشده است' },
  NO_CONTRACT: { en: 'no contract demand', fa: 'دیماند قراردادی تعریف نشده است' },
  NO_TARIFF: { en: 'no band or price in force', fa: 'تعرفه‌ای در این زمان معتبر نیست' },
  NO_REFERENCE: { en: 'no reference', fa: 'مقدار مرجع تعریف نشده است' },
  ENERGY_ONLY: { en: 'energy alone, without demand and reactive energy', fa: 'فقط بهای انرژی، بدون دیماند و راکتیو' },
  BILLING_INVALID: { en: 'a formula of the tariff cannot be read', fa: 'فرمول تعرفه خوانا نیست' },
  BILLING_INCOMPLETE: { en: 'a formula of the tariff lacks a number', fa: 'فرمول تعرفه یک مقدار کم دارد' },
  BALANCE_OPEN: { en: 'the energy balance does not close', fa: 'تراز انرژی بسته نمی‌شود' },

  NO_BASELINE: { en: 'no energy baseline in force', fa: 'خط مبنای انرژی معتبر وجود ندارد' },
  NO_ENERGY: { en: "the baseline's energy was not measured", fa: 'انرژی مربوط به خط مبنا اندازه‌گیری نشده است' },
  NO_VARIABLE: { en: 'a variable of the baseline is missing', fa: 'یکی از متغیرهای خط مبنا در دست نیست' },
  EXTRAPOLATED: { en: "outside the baseline's range", fa: 'خارج از دامنه خط مبنا' },
  MODEL_REFUSED: { en: 'the baseline does not fit well enough', fa: 'برازش خط مبنا پذیرفتنی نیست' },
  FIT_UNKNOWN: { en: 'nobody told how well the baseline fits', fa: 'کیفیت برازش خط مبنا معلوم نیست' },
  FALLBACK: { en: 'too few eligible days: a reference instead', fa: 'روزهای واجد شرایط کافی نبود؛ مرجع جایگزین شد' },
  NO_REQUEST: { en: 'no reduction was requested', fa: 'کاهش باری درخواست نشده است' },

  NO_COMPARISON: { en: 'no periods to compare', fa: 'دوره‌ای برای مقایسه تعریف نشده است' },
  NO_BEFORE: {
    en: 'nothing is stored or declared of the time before',
    fa: 'از دورهٔ مبنا چیزی ذخیره یا اعلام نشده است',
  },
  NO_INTERVAL: { en: 'too few days for an interval', fa: 'روزها برای محاسبه بازه اطمینان کافی نیست' },
  SHORT_BASELINE: { en: 'the time before is shorter than four weeks', fa: 'دورهٔ مبنا کوتاه‌تر از چهار هفته است' },
  DECLARED_BEFORE: {
    en: 'the figure before is declared; the interval is of the days after alone',
    fa: 'رقم دورهٔ مبنا اعلامی است؛ بازهٔ اطمینان تنها از روزهای پایلوت است',
  },
  CURTAILED_DAYS: {
    en: 'some days were curtailed; the parameters tell the change without them',
    fa: 'برخی روزها محدودیت برق داشته‌اند؛ تغییر بدون آن روزها جداگانه گفته شده است',
  },
  ONLY_CURTAILED_DAYS: {
    en: 'every day of a period was curtailed; there is no change without them',
    fa: 'همهٔ روزهای یک دوره محدودیت برق داشته‌اند؛ تغییر بدون آن روزها معلوم نیست',
  },
  NOT_ASSESSED: { en: 'not assessed', fa: 'ارزیابی نشده است' },
  OFF_SCALE: { en: 'a score off the scale of its model', fa: 'امتیاز خارج از مقیاس مدل است' },
} as const satisfies Readonly<Record<string, { readonly en: string; readonly fa: string }>>;

export type Flag = keyof typeof flags;

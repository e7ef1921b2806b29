/** The words of the workbook in both languages, as kpi.md §5.7 and its glossary have them. */
import type { KpiStatus } from '../../kpi/result.ts';
import type { Light } from '../../kpi/target.ts';
import type { BucketState } from '../../rollup/values/rolled-values.ts';

const both = (en: string, fa: string) => ({ en, fa });

export const sheetNames = {
  cover: both('Cover', 'جلد'),
  summary: both('Summary', 'خلاصه'),
  charts: both('Charts', 'نمودارها'),
  production: both('Production daily', 'تولید روزانه'),
  losses: both('OEE and losses', 'OEE و اتلاف‌ها'),
  downtime: both('Downtime Pareto', 'پارتوی توقف‌ها'),
  reasons: both('Stop reasons', 'علت توقف‌ها'),
  energy: both('Energy daily', 'انرژی روزانه'),
  demand: both('Demand', 'دیماند'),
  profile: both('Peak day profile', 'نمایهٔ روز اوج'),
  curtailment: both('Curtailment', 'محدودیت برق'),
  enpi: both('SEC and EnPI', 'مصرف ویژه و EnPI'),
  quality: both('Data quality', 'کیفیت داده'),
  scorecard: both('Pilot scorecard', 'کارنامه پایلوت'),
  pilot: both('Pilot and baseline', 'پایلوت و دوره مبنا'),
  definitions: both('Definitions', 'تعریف‌ها'),
  restatements: both('Restatements', 'اصلاحات'),
  notes: both('Notes', 'یادداشت‌ها'),
};

export const words = {
  item: both('Item', 'عنوان'),
  date: both('Date', 'تاریخ میلادی'),
  jalali: both('Jalali date', 'تاریخ شمسی'),
  asset: both('Asset', 'دارایی'),
  path: both('Path in the site', 'مسیر در کارخانه'),
  kpi: both('KPI', 'شاخص'),
  id: both('Id', 'شناسه'),
  value: both('Value', 'مقدار'),
  unit: both('Unit', 'واحد'),
  target: both('Target', 'هدف'),
  baseline: both('Baseline', 'مبنا'),
  previous: both('Previous month', 'ماه پیش'),
  change: both('Change', 'تغییر'),
  light: both('Against target', 'نسبت به هدف'),
  coverage: both('Coverage', 'پوشش داده'),
  status: both('Status', 'وضعیت'),
  state: both('State', 'مرحله'),
  flags: both('Flags', 'نشانه‌ها'),
  formula: both('Formula', 'فرمول'),
  version: both('Version', 'نسخه'),
  source: both('Source', 'منبع'),
  note: both('Note', 'یادداشت'),
  produced: both('Produced', 'تولید کل'),
  good: both('Good', 'سالم'),
  scrap: both('Scrap', 'ضایعات'),
  hours: both('Hours', 'ساعت'),
  share: both('Share', 'سهم'),
  cumulative: both('Cumulative', 'تجمعی'),
  reason: both('Reason', 'علت'),
  entries: both('Entries', 'تعداد ثبت'),
  cause: both('State class', 'رستهٔ حالت'),
  plannedBusy: both('Planned busy (h)', 'زمان برنامه‌ریزی‌شده (ساعت)'),
  stops: both('Stops (h)', 'توقف‌ها (ساعت)'),
  unknown: both('Unknown (h)', 'نامعلوم (ساعت)'),
  speed: both('Speed loss (h)', 'افت سرعت (ساعت)'),
  rejects: both('Quality loss (h)', 'افت کیفیت (ساعت)'),
  valuable: both('Valuable (h)', 'زمان مفید (ساعت)'),
  carrier: both('Carrier', 'حامل انرژی'),
  amount: both('Consumption', 'مصرف'),
  peak: both('Peak hours (kWh)', 'اوج‌بار (kWh)'),
  mid: both('Mid hours (kWh)', 'میان‌بار (kWh)'),
  low: both('Low hours (kWh)', 'کم‌بار (kWh)'),
  estimated: both('Of it estimated', 'بخش برآوردی'),
  block: both('Max demand, block (kW)', 'حداکثر دیماند، بازهٔ ثابت (kW)'),
  slide: both('Max demand, sliding (kW)', 'حداکثر دیماند، پنجرهٔ لغزان (kW)'),
  contract: both('Contract demand (kW)', 'دیماند قراردادی (kW)'),
  at: both('At', 'ساعت وقوع'),
  loadFactor: both('Load factor', 'ضریب بار'),
  powerFactor: both('Power factor', 'ضریب توان'),
  start: both('Start', 'شروع'),
  end: both('End', 'پایان'),
  kw: both('Mean power (kW)', 'توان میانگین (kW)'),
  limit: both('Limit (kW)', 'سقف مجاز (kW)'),
  intervals: both('Intervals', 'بازه‌ها'),
  measured: both('Measured', 'اندازه‌گیری‌شده'),
  kept: both('Kept', 'رعایت‌شده'),
  compliance: both('Compliance', 'پایبندی'),
  sec: both('SEC', 'مصرف ویژه'),
  enpi: both('EnPI (actual/expected)', 'EnPI (واقعی به مورد انتظار)'),
  expected: both('Expected (kWh)', 'مورد انتظار (kWh)'),
  cusum: both('CUSUM (kWh)', 'انحراف تجمعی (kWh)'),
  revision: both('Revision', 'بازنگری'),
  computed: both('Computed', 'زمان محاسبه'),
  before: both('Value before', 'مقدار پیشین'),
  why: both('Reason or state', 'دلیل یا مرحله'),
  rules: both('Edge rules', 'قاعده‌ها'),
  beforePilot: both('Before', 'پیش از پایلوت'),
  inPilot: both('In the pilot', 'در پایلوت'),
  lowBound: both('90 %, low', 'کران پایین ۹۰٪'),
  highBound: both('90 %, high', 'کران بالای ۹۰٪'),
  relative: both('Change, share', 'تغییر نسبی'),
  withoutCurtailed: both('Without curtailed days', 'بدون روزهای محدودیت'),
  daysBefore: both('Days before', 'روزهای مبنا'),
  daysInPilot: both('Days', 'روزهای پایلوت'),
} as const;

/** Titles of charts, before the asset. */
export const chartWords = {
  oee: both('OEE and its factors by day', 'OEE و مؤلفه‌های آن در هر روز'),
  downtime: both('Time lost by state class', 'زمان ازدست‌رفته به تفکیک رستهٔ حالت'),
  reasons: both('Stops by reason', 'توقف‌ها به تفکیک علت'),
  bands: both('Energy by day and band', 'انرژی روزانه به تفکیک بار'),
  carrier: both('Consumption by day', 'مصرف روزانه'),
  baseline: both('Energy against its baseline', 'انرژی در برابر خط مبنا'),
  cusum: both('Drift from the baseline (CUSUM)', 'انحراف تجمعی از خط مبنا'),
  peaks: both('Highest demand by day', 'حداکثر دیماند هر روز'),
  profile: both('Load of the peak day', 'نمایهٔ بار روز اوج'),
  quality: both('Complete and valid data by day', 'کامل بودن و اعتبار داده در هر روز'),
  sheet: both('Sheet', 'برگه'),
  about: both(
    'Each chart shows cells of the sheet that is named below it.',
    'هر نمودار خانه‌های برگه‌ای را نشان می‌دهد که نامش زیر آن آمده است.',
  ),
  more: both('Not drawn, to keep this short', 'نمودارهایی که برای کوتاهی نیامده‌اند'),
};

export const statusWords: Readonly<Record<KpiStatus, { en: string; fa: string }>> = {
  ok: both('ok', 'معتبر'),
  partial: both('partial', 'ناقص'),
  no_data: both('no data', 'بدون داده'),
  undefined: both('undefined', 'تعریف‌نشده'),
  suspect: both('suspect', 'مشکوک'),
};

export const stateWords: Readonly<Record<BucketState, { en: string; fa: string }>> = {
  open: both('open', 'باز'),
  provisional: both('provisional', 'موقت'),
  final: both('final', 'نهایی'),
  closed: both('closed', 'بسته'),
  frozen: both('frozen', 'تثبیت‌شده'),
};

export const lightWords: Readonly<Record<Light, { en: string; fa: string }>> = {
  met: both('✓ met', '✓ محقق'),
  near: both('≈ near', '≈ نزدیک'),
  missed: both('✗ missed', '✗ محقق‌نشده'),
  unknown: both('? not known', '؟ نامعلوم'),
};

export const carrierWords = {
  electricity: both('Electricity', 'برق'),
  gas: both('Gas', 'گاز'),
  water: both('Water', 'آب'),
  fuel: both('Fuel', 'سوخت'),
  steam: both('Steam', 'بخار'),
  air: both('Compressed air', 'هوای فشرده'),
};

/** Parts of the planned busy time in which a unit did not run, by their element. */
export const lossWords = {
  AUST_s: both('Setup', 'آماده‌سازی (ستاپ)'),
  ADET_failure_s: both('Failure', 'خرابی'),
  ADET_internal_s: both('Internal (held)', 'داخلی (نگه‌داشته)'),
  ADET_external_s: both('External (blocked, starved)', 'بیرونی (انسداد، کمبود)'),
  ADET_organisational_s: both('Organisational (idle, off)', 'سازمانی (بیکار، خاموش)'),
  ADET_minor_s: both('Minor stops', 'توقف‌های جزئی'),
  ADET_energy_s: both('Power curtailment', 'محدودیت برق'),
  ADOT_s: both('No order', 'بدون سفارش'),
  UNK_s: both('Unknown', 'نامعلوم'),
};

/** Sources of definitions that are no name of a standard. */
export const sourceWords: Readonly<Record<string, { readonly en: string; readonly fa: string }>> = {
  own: both('own definition', 'تعریف این سامانه'),
  'utility practice': both('utility practice', 'رویهٔ شرکت‌های برق'),
};

/** Why a sheet has nothing to show. */
export const emptyWords = {
  curtailment: both('No limit was notified for this month', 'برای این ماه سقف دیماندی ابلاغ نشده است'),
  pilot: both(
    'The plant model declares no pilot and no time before it',
    'در مدل کارخانه دورهٔ پایلوت و دورهٔ مبنا تعریف نشده است',
  ),
  noBefore: both(
    'No day of the pilot lies in this month, or nothing is known of the time before it',
    'در این ماه روزی از پایلوت نیست یا از دورهٔ مبنا چیزی دانسته نیست',
  ),
  scorecard: both('The plant model declares no targets', 'در مدل کارخانه هدفی تعریف نشده است'),
  restatements: both(
    'No figure has changed after its bucket was closed',
    'هیچ رقمی پس از بسته شدن بازه‌اش تغییر نکرده است',
  ),
  reasons: both('There was no stop that asks for a reason', 'توقفی که علت بخواهد رخ نداده است'),
  energy: both('The plant model declares no meters', 'در مدل کارخانه کنتوری تعریف نشده است'),
};

export const pilotWords = {
  points: both('points', 'واحد درصد'),
  since: both('The pilot began', 'آغاز پایلوت'),
  baseline: both('Time before', 'دورهٔ مبنا'),
  interval: both(
    'The interval is of 90 %, by bootstrap over days; a change is coloured only where all of it lies on one side of 0.',
    'بازهٔ اطمینان ۹۰٪ است و با بازنمونه‌گیری از روزها به دست آمده؛ تغییر تنها وقتی رنگ دارد که همهٔ بازه در یک سوی صفر باشد.',
  ),
  otherChange: both('What else has changed', 'تغییر دیگر'),
  noBefore: both('Figures without a time before, left out', 'شاخص‌های بدون دورهٔ مبنا که نیامده‌اند'),
};

export const assessorWords = both('Readiness was assessed by', 'ارزیاب آمادگی');

export const definitionWords = { common: both('Rules that hold for every KPI', 'قاعده‌هایی که برای همهٔ شاخص‌هاست') };

export const restatementWords = {
  earlier: both(
    'Figures that changed before their bucket was closed (72 h after its end), left out',
    'رقم‌هایی که پیش از بسته شدن بازه (۷۲ ساعت پس از پایان آن) تغییر کرده‌اند و نیامده‌اند',
  ),
};

export const reasonWords = { none: both('Nobody has said why', 'بدون علت ثبت‌شده') };

export const reportWords = {
  title: both('Monthly KPI report', 'گزارش ماهانهٔ شاخص‌های عملکرد'),
  period: both('Period', 'دوره'),
  from: both('From', 'از'),
  to: both('To', 'تا'),
  site: both('Site', 'کارخانه'),
  province: both('Province', 'استان'),
  enterprise: both('Enterprise', 'بنگاه'),
  subscription: both('Subscription numbers', 'شماره‌های اشتراک'),
  status: both('Status of the report', 'وضعیت گزارش'),
  official: both('Official', 'رسمی'),
  provisional: both('Provisional', 'موقت'),
  version: both('Version', 'نسخه'),
  preparer: both('Prepared by', 'تهیه‌کننده'),
  approver: both('Approved by', 'تأییدکننده'),
  made: both('Made at', 'زمان تهیه'),
  coverage: both('Data completeness', 'درصد تکمیل داده'),
  plant: both('Version of the plant model', 'نسخهٔ مدل کارخانه'),
  hash: both('Hash of the figures', 'اثر انگشت ارقام'),
  notTold: both('not in the plant model', 'در مدل کارخانه ثبت نشده'),
  notApproved: both('nobody yet', 'هنوز هیچ‌کس'),
  nothing: both('Nothing is known of this yet', 'هنوز چیزی دانسته نیست'),
};

/** What the edge rules of kpi.md §1.6 say, in both languages: for whoever reads a figure far from its specification. */
import type { EdgeRule } from './kpi.ts';

export const commonRules = ['R1', 'R3', 'R4', 'R5', 'R8', 'R15'] as const;

export const edgeRules: Readonly<
  Record<EdgeRule | (typeof commonRules)[number], { readonly en: string; readonly fa: string }>
> = {
  R1: {
    en: 'A value goes with status, coverage and flags; null is "not known".',
    fa: 'هر مقدار با وضعیت، پوشش و نشانه‌هایش می‌آید؛ خانهٔ خالی یعنی «نامعلوم».',
  },
  R2: {
    en: 'A denominator of 0 makes it undefined: never 0 %, never 100 %.',
    fa: 'مخرج صفر شاخص را «تعریف‌نشده» می‌کند؛ نه ۰٪ است و نه ۱۰۰٪.',
  },
  R3: {
    en: 'Nothing is clamped: above 100 % is told as it is, with a flag.',
    fa: 'هیچ مقداری بریده نمی‌شود؛ بیش از ۱۰۰٪ همان‌گونه و با نشانه گفته می‌شود.',
  },
  R4: {
    en: 'Elements are added up first, then divided; ratios are never averaged.',
    fa: 'نخست اجزا جمع می‌شوند و سپس تقسیم؛ از نسبت‌ها میانگین گرفته نمی‌شود.',
  },
  R5: {
    en: 'What was not known is told by the coverage: from 95 % ok, from 80 % partial, below it no value.',
    fa: 'نامعلوم‌ها را پوشش داده می‌گوید: از ۹۵٪ معتبر، از ۸۰٪ ناقص، و کمتر از آن بدون مقدار.',
  },
  R6: {
    en: 'Counters may roll over, be reset or jitter; a step nobody can believe is suspect and not counted.',
    fa: 'شمارنده ممکن است سرریز، بازنشانی یا لرزش داشته باشد؛ گام باورنکردنی «مشکوک» است و شمرده نمی‌شود.',
  },
  R7: {
    en: 'Energy over a gap is spread evenly, flagged as estimated, and makes no peak.',
    fa: 'انرژی دورهٔ بی‌داده یکنواخت پخش و «برآوردی» نشان می‌شود و اوج نمی‌سازد.',
  },
  R8: {
    en: 'Windows are half-open and cut exactly; a night shift belongs to the day on which it starts.',
    fa: 'بازه‌ها نیم‌باز و دقیق بریده می‌شوند؛ شیفت شب از آنِ روزی است که در آن آغاز می‌شود.',
  },
  R9: {
    en: 'Late data recompute the figure; after the month is issued it changes only by a restatement.',
    fa: 'دادهٔ دیررسیده شاخص را دوباره محاسبه می‌کند؛ پس از صدور ماه تنها با اصلاحیه تغییر می‌کند.',
  },
  R10: {
    en: 'The same sample twice counts once.',
    fa: 'نمونهٔ تکراری یک بار شمرده می‌شود.',
  },
  R11: {
    en: 'Samples with an impossible time are set aside and counted.',
    fa: 'نمونه‌ای با زمان ناممکن کنار گذاشته و شمرده می‌شود.',
  },
  R12: {
    en: 'A reworked piece counts as produced once, and leaves first pass yield as it is.',
    fa: 'قطعهٔ دوباره‌کاری‌شده یک بار تولید شمرده می‌شود و بازده عبور اول را تغییر نمی‌دهد.',
  },
  R13: {
    en: 'Without a planned run time there is no value: never 100 %, never the best ever.',
    fa: 'بدون زمان استاندارد قطعه مقداری نیست؛ نه ۱۰۰٪ و نه بهترین رکورد.',
  },
  R14: {
    en: 'Pieces and time belong to the product of the order at that moment.',
    fa: 'قطعه و زمان از آنِ محصولِ سفارشِ همان لحظه‌اند.',
  },
  R15: {
    en: 'Stored unrounded; ratios are fractions, shown in percent.',
    fa: 'بدون گرد کردن نگه داشته می‌شود؛ نسبت‌ها کسرند و به درصد نشان داده می‌شوند.',
  },
  R16: {
    en: 'A failure counts where it begins, its repair where it ends; an open one is not in the mean.',
    fa: 'خرابی در بازهٔ آغاز و تعمیر در بازهٔ پایان شمرده می‌شود؛ خرابی باز در میانگین نیست.',
  },
  R17: {
    en: 'Without a register, energy is integrated from power and flagged.',
    fa: 'بدون ثبات انرژی، انرژی از توان انتگرال‌گیری و نشانه‌گذاری می‌شود.',
  },
};

/** Symbols of ISO 22400-2 that formulas are written with. */
export const symbols: Readonly<Record<string, { readonly en: string; readonly fa: string }>> = {
  POT: { en: 'planned operation time', fa: 'زمان عملیات برنامه‌ریزی‌شده' },
  PDOT: { en: 'planned down time', fa: 'توقف برنامه‌ریزی‌شده' },
  PBT: { en: 'planned busy time', fa: 'زمان کار برنامه‌ریزی‌شده' },
  APT: { en: 'actual production time', fa: 'زمان واقعی تولید' },
  AUST: { en: 'actual unit setup time', fa: 'زمان واقعی آماده‌سازی' },
  ADET: { en: 'actual unit delay time', fa: 'زمان واقعی توقف' },
  ADOT: { en: 'actual unit down time without an order', fa: 'زمان خواب بدون سفارش' },
  AUBT: { en: 'actual unit busy time', fa: 'زمان واقعی اشتغال دستگاه' },
  AUPT: { en: 'actual unit processing time', fa: 'زمان واقعی پردازش (تولید و آماده‌سازی)' },
  AOET: { en: 'actual order execution time', fa: 'زمان واقعی اجرای سفارش' },
  UNK: { en: 'time of unknown state', fa: 'زمان با حالت نامعلوم' },
  PRI: { en: 'planned run time per item', fa: 'زمان استاندارد هر قطعه' },
  PQ: { en: 'produced quantity', fa: 'تعداد تولید' },
  GQ: { en: 'good quantity', fa: 'تعداد سالم' },
  SQ: { en: 'scrap quantity', fa: 'تعداد ضایعات' },
  RQ: { en: 'rework quantity', fa: 'تعداد دوباره‌کاری' },
  'GP, IP': { en: 'good pieces of the first pass, inspected pieces', fa: 'قطعهٔ سالم در عبور اول، قطعهٔ بازرسی‌شده' },
  'APWT, APAT': { en: 'personnel work and attendance time', fa: 'زمان کار و زمان حضور نیروی کار' },
  FE: { en: 'failure events', fa: 'تعداد خرابی' },
  TTR: { en: 'time to restore', fa: 'زمان تا بازگردانی' },
  'CMT, PMT': { en: 'corrective and planned maintenance time', fa: 'زمان نت اصلاحی و نت برنامه‌ای' },
  EPC: { en: 'equipment production capacity', fa: 'ظرفیت تولید تجهیز' },
};

/** Canonical states and classes of downtime in both languages (kpi.md §1.4, §5.7). */
import type { CanonicalState } from '../../plant/canonical-state.ts';
import type { DowntimeClass } from '../../rollup/values/downtime.ts';
import type { Words } from '../../words.ts';

export const stateNames: Readonly<Record<CanonicalState, Words>> = {
  RUN: { en: 'Running', fa: 'در حال تولید' },
  SETUP: { en: 'Setup', fa: 'آماده‌سازی (ستاپ)' },
  TRANSIENT: { en: 'Starting or stopping', fa: 'در حال راه‌اندازی یا توقف' },
  BLOCKED: { en: 'Blocked downstream', fa: 'مسدود از پایین‌دست' },
  STARVED: { en: 'Starved of material', fa: 'کمبود مواد از بالادست' },
  HELD: { en: 'Held', fa: 'نگه‌داشته' },
  FAULT: { en: 'Fault', fa: 'خرابی' },
  IDLE: { en: 'Idle', fa: 'بیکار' },
  POWER_CURTAIL: { en: 'Power curtailment', fa: 'محدودیت برق' },
  MAINT_PLANNED: { en: 'Planned maintenance', fa: 'نت برنامه‌ریزی‌شده' },
  MAINT_CORRECTIVE: { en: 'Corrective maintenance', fa: 'نت اصلاحی' },
  OFF: { en: 'Off', fa: 'خاموش' },
  UNKNOWN: { en: 'Not known', fa: 'نامعلوم' },
};

export const downtimeClassNames: Readonly<Record<DowntimeClass, Words>> = {
  failure: { en: 'Failure', fa: 'خرابی' },
  internal: { en: 'Internal (held)', fa: 'داخلی (نگه‌داشته)' },
  external: { en: 'External (blocked, starved)', fa: 'بیرونی (انسداد، کمبود مواد)' },
  organisational: { en: 'Organisational (idle, off)', fa: 'سازمانی (بیکار، خاموش)' },
  minor: { en: 'Minor stops', fa: 'توقف‌های جزئی' },
  energy: { en: 'Power curtailment', fa: 'محدودیت برق' },
  no_order: { en: 'No order', fa: 'بدون سفارش' },
};

export const unexplained: Words = { en: 'No reason given yet', fa: 'بدون علت ثبت‌شده' };

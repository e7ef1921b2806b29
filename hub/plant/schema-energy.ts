/**
 * What a plant file says of energy: meters, tariffs, supply contracts, limits, events, baselines, factors. All of it
 * is dated, because all of it changed every year from 2021 to 2025 (kpi.md §2.2); no price or hour is built in.
 */
import { z } from 'zod';
import { tagPathSchema } from '../../protocols/manifest.ts';
import { localTime, validity } from './dates.ts';
import {
  codeSchema,
  nameSchema,
  sourceSchema,
  tagOrNone,
  textLike,
  timeOfDay,
  weekdaysSchema,
} from './schema-parts.ts';

export const carriers = ['electricity', 'gas', 'water', 'fuel', 'steam', 'air'] as const;
export type Carrier = (typeof carriers)[number];

export const meterSchema = z.strictObject({
  path: tagPathSchema,
  name: nameSchema,
  carrier: z.enum(carriers),
  /** `main`: the supplier's side. `sub`: behind another one. `generation`, `export`: the site's own, and what it gives. */
  role: z.enum(['main', 'sub', 'generation', 'export']).optional(),
  /** Number of the subscription (شماره اشتراک). */
  subscription: z.string().min(1).max(40).optional(),
  tags: z
    .strictObject({
      /**
       * The register or pulse counter. Default: `kwh` below the meter for electricity, `pulses` for the others. `false`
       * where there is only a display of power: the energy is integrated from it.
       */
      register: tagOrNone,
      /** Active power. Default for electricity: `power` below the meter. */
      power: tagOrNone,
      /** Registers of reactive energy: drawn (Q1), given (Q4). */
      reactive: tagPathSchema.optional(),
      reactiveLead: tagPathSchema.optional(),
    })
    .prefault({}),
  /** What tells that the supply is there, from a device that stays powered: interrupted while below this, or false. */
  supply: z.strictObject({ tag: tagPathSchema, below: z.number().positive().default(1) }).optional(),
  /** What a scaled register counts. Default: kWh for electricity, m³ for the others. */
  unit: z.string().min(1).max(20).optional(),
  demandIntervalMin: z.union([z.literal(5), z.literal(10), z.literal(15), z.literal(30), z.literal(60)]).default(15),
  /** Step of the sliding demand window. */
  demandStepMin: z.union([z.literal(1), z.literal(5)]).default(1),
  /** The meter upstream of this one. */
  parent: tagPathSchema.optional(),
  /** Share of its energy that is lost on the way to the meters below. */
  lossShare: z.number().min(0).max(1).default(0),
  /** The balance with the meters below may stay open by this share; 0.05 where nothing is said. */
  closureLimit: z.number().min(0).max(1).optional(),
  /** Paths of the areas, lines or units that it measures; none is the whole site. */
  measures: z.array(tagPathSchema).default([]),
});

const bands = ['peak', 'mid', 'low'] as const;

const bandSchema = z.strictObject({
  band: z.enum(bands),
  start: timeOfDay,
  /** At or before `start` means on the next day. */
  end: timeOfDay,
  weekdays: weekdaysSchema,
  /** First and last Jalali month, 1 to 12, of the season; the whole year where nothing is said. */
  months: z.tuple([z.int().min(1).max(12), z.int().min(1).max(12)]).optional(),
});

export const tariffSchema = z.strictObject({
  code: codeSchema,
  name: nameSchema,
  source: sourceSchema,
  ...validity,
  /** Electricity meters that it is for; all where nothing is said. */
  meters: z.array(tagPathSchema).optional(),
  bands: z.array(bandSchema).min(1),
  /** IRR per kWh. Left out, bands are told and nothing is priced. */
  prices: z.strictObject({ peak: z.number().min(0), mid: z.number().min(0), low: z.number().min(0) }).optional(),
});

const formula = z.string().min(1).max(500);

const constantName = textLike(/^[A-Za-z_]\w*$/, 'must be a name', 'باید نامی با حروف لاتین، رقم و _ باشد');

export const contractSchema = z.strictObject({
  meter: tagPathSchema,
  ...validity,
  /** Contract demand (قدرت قراردادی). */
  demandKw: z.number().positive(),
  /** Billed is at least this share of it. */
  billedFloor: z.number().min(0).max(1).default(0.9),
  /** IRR per kW and billing period. */
  demandPrice: z.number().min(0).optional(),
  powerFactorLimit: z.number().min(0).max(1).default(0.9),
  /** Where a booklet charges otherwise than floor × price; names and functions are those of `hub/kpi/billing.ts`. */
  formulas: z
    .strictObject({
      billedDemandKw: formula.optional(),
      demandIrr: formula.optional(),
      reactiveIrr: formula.optional(),
      /** Further numbers that the formulas name. */
      constants: z.record(constantName, z.number()).default({}),
    })
    .prefault({}),
  source: sourceSchema,
});

/** A limit that was notified: so much of a reference, between two times of day, on days from `from` to before `to`. */
export const limitSchema = z.strictObject({
  code: codeSchema,
  meter: tagPathSchema,
  from: localTime,
  to: localTime,
  start: timeOfDay.default('00:00'),
  /** At or before `start` means on the next day; the same time is the whole day. */
  end: timeOfDay.default('00:00'),
  weekdays: weekdaysSchema,
  referenceKw: z.number().positive(),
  percent: z.number().min(0).max(100),
  /** Share above the limit that is still compliant. */
  tolerance: z.number().min(0).max(1).default(0),
  source: sourceSchema,
});

/** A demand-response event: a reduction against a baseline. */
export const eventSchema = z.strictObject({
  code: codeSchema,
  name: nameSchema,
  meter: tagPathSchema,
  from: localTime,
  to: localTime,
  requestKw: z.number().positive().optional(),
  baseline: z
    .strictObject({
      /** X of Y: the X highest, middle or all of the Y newest eligible days. */
      x: z.int().min(1).max(30).default(5),
      y: z.int().min(1).max(30).default(10),
      pick: z.enum(['high', 'mid', 'all']).default('high'),
      lookbackDays: z.int().min(1).max(120).default(45),
      adjust: z.enum(['none', 'additive', 'multiplicative']).default('additive'),
      /** Largest adjustment, as a share of the baseline. */
      adjustCap: z.number().min(0).max(1).default(0.2),
      /** A day below this share of the highest average is not typical; 0 takes all. */
      leastShare: z.number().min(0).max(1).default(0),
      /** With fewer than Y eligible days: days of an undisturbed time before the season, or the notified demand. */
      reference: z.strictObject({ from: localTime, to: localTime }).optional(),
      referenceKw: z.number().positive().optional(),
    })
    .prefault({}),
});

/** A model of the energy that would have been used (ISO 50006): fitted here, or brought along. */
export const baselineSchema = z.strictObject({
  code: codeSchema,
  meter: tagPathSchema,
  ...validity,
  version: z.int().min(1).default(1),
  kind: z.enum(['ratio', 'linear', 'change_point', 'table']),
  energy: z.enum(['kWh', 'energy_MJ']).default('kWh'),
  /** What one evaluation stands for: a window is the sum of those of its days, or of its months. */
  per: z.enum(['day', 'month']),
  /** Energy of a period in which all variables are 0. */
  intercept: z.number().default(0),
  /** coefficient × variable, or × what it is above, or below, a change point. */
  terms: z
    .array(
      z.strictObject({
        variable: z.enum(['PQ', 'GQ', 'GQ_std', 'GQ_t', 'HDD_Kd', 'CDD_Kd']),
        coefficient: z.number(),
        above: z.number().optional(),
        below: z.number().optional(),
      }),
    )
    .default([]),
  /** Range of each variable in the reference period: beyond it, a value is extrapolated. */
  range: z.record(z.string(), z.tuple([z.number(), z.number()])).default({}),
  /** Of the days or months that it was fitted to. */
  reference: z.strictObject({ from: localTime, to: localTime }),
  fit: z
    .strictObject({
      n: z.int().min(2),
      /** Coefficients that were fitted, the intercept included. */
      fitted: z.int().min(1),
      r2: z.number().nullable(),
      rmse: z.number().min(0),
      cvRmse: z.number().min(0).nullable(),
      nmbe: z.number().nullable(),
    })
    .optional(),
  /** Up to which the fit is accepted; ASHRAE Guideline 14 where nothing is said. */
  limits: z.strictObject({ cvRmse: z.number().min(0), nmbe: z.number().min(0) }).optional(),
  author: z.string().min(1).max(100),
  approver: z.string().min(1).max(100).optional(),
});

/** MJ, or kg of CO₂e, per unit of the meter. */
export const factorSchema = z.strictObject({
  carrier: z.enum(carriers),
  kind: z.enum(['conversion', 'emission']),
  value: z.number().min(0),
  ...validity,
  source: sourceSchema,
});

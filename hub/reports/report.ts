/** An official monthly report of a site: its figures stand from then on, whatever comes later. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Language } from '../plant/local-time.ts';
import type { Words } from '../words.ts';

export interface ReportFile {
  readonly name: string;
  readonly language: Language;
  readonly bytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

export interface IssuedReport {
  readonly id: number;
  readonly site: string;
  /** Jalali, `1404-04`. */
  readonly month: string;
  readonly start: TimeUs;
  readonly end: TimeUs;
  /** From 1; each restatement is the next. */
  readonly version: number;
  readonly issuedAt: TimeUs;
  /** Its figures are what was known then. */
  readonly asOf: TimeUs;
  /** A token's name, or `hub` where it was issued when its time had come. */
  readonly who: string;
  /** Why it was restated; empty for the first version. */
  readonly why: string;
  /** Of every figure that its workbook tells. */
  readonly figuresHash: string;
  readonly plantVersion: string;
  readonly files: readonly ReportFile[];
  /** Of the file with its official values. */
  readonly valuesSha256: string;
}

/** A figure that a restatement changed. */
export interface RestatedFigure {
  readonly kpi: string;
  readonly asset: string;
  readonly unit: string;
  /** Of its bucket. */
  readonly label: { readonly granularity: 'day' | 'month'; readonly start: TimeUs; readonly jalaliDate: string };
  readonly before: number | null;
  readonly after: number | null;
  /** The version that changed it. */
  readonly version: number;
  readonly who: string;
  readonly why: string;
  readonly at: TimeUs;
}

/** It cannot be issued or restated as it was asked for; it says what to do, in both languages. */
export class ReportRefused extends Error {
  override readonly name = 'ReportRefused';
  readonly said: Words;
  constructor(said: Words) {
    super(said.en);
    this.said = said;
  }
}

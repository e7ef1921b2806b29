/** Readiness as people assessed it. What has changed since before the pilot is in `pilot-change.ts`. */
import { define } from './definition.ts';

const scales = { siri: [0, 5], acatech: [1, 6] } as const;

export const maturity = define({
  id: 'pl.maturity',
  name: { en: 'Readiness score', fa: 'امتیاز آمادگی (SIRI / acatech)' },
  unit: '0–5 (SIRI), 1–6 (acatech)',
  formula: 'the score that the assessor gave; never computed from signals',
  note: { en: 'The newest assessment before the end of the month.', fa: 'تازه‌ترین ارزیابی پیش از پایان ماه.' },
  scope: ['site'],
  granularities: ['month'],
  groups: [],
  trend: 'higher',
  source: 'SIRI, acatech',
  needs: [],
  parameters: ['assessment'],
  assess(_, { assessment }) {
    if (!assessment) return { undefined: 'NOT_ASSESSED' };
    const { model, modelVersion, score, assessor, date, dimensions } = assessment;
    const [least, greatest] = scales[model];
    const isOnScale = (one: number) => one >= least && one <= greatest;
    return {
      numerator: score,
      denominator: 1,
      suspect: ![score, ...Object.values(dimensions)].every(isOnScale),
      flags: [![score, ...Object.values(dimensions)].every(isOnScale) && 'OFF_SCALE'],
      parameters: { model, model_version: modelVersion, assessor, date, ...dimensions },
    };
  },
});

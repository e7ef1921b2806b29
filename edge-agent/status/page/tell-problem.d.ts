import type { Problem } from '../report.ts';

export function tellProblem(
  problem: Pick<Problem, 'code' | 'subject' | 'details'>,
  lang: 'en' | 'fa',
): { what: string; means: string; todo: string[] };

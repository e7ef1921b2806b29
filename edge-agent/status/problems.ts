/** A problem in words, as plain text for terminals and sheets. The page has the same words: they stand in page/problems-*.js. */
import { tellProblem } from './page/tell-problem.js';
import type { Problem } from './report.ts';

export type Language = 'en' | 'fa';

export interface ProblemWords {
  /** One sentence without a full stop. */
  readonly what: string;
  /** What it means for the data. */
  readonly means: string;
  /** Step by step. */
  readonly todo: readonly string[];
}

export function problemWords(problem: Pick<Problem, 'code' | 'subject' | 'details'>, language: Language): ProblemWords {
  const { what, means, todo } = tellProblem(problem, language);
  const plain = language === 'fa' ? isolated : quoted;
  return { what: plain(what), means: plain(means), todo: todo.map(plain) };
}

/** Names stand for themselves; what has blanks, a command mostly, is quoted. */
const quoted = (text: string): string =>
  text.replaceAll(/`([^`]*)`/g, (_, marked: string) => (marked.includes(' ') ? `"${marked}"` : marked));

/** U+2066 and U+2069 keep a Latin fragment in order within a line that runs from right to left (UAX #9). */
export const isolated = (text: string): string => text.replaceAll(/`([^`]*)`/g, '\u2066$1\u2069');

/** A problem in words. Values are cleaned of backticks, which mark what is read from left to right. */
import { createFormat } from './format.js';
import { problems as en } from './problems-en.js';
import { problems as fa } from './problems-fa.js';

const words = { en, fa };

/** `{ what, means, todo }`, with backticks around commands, addresses and names. */
export function tellProblem({ code, subject, details }, lang, format = createFormat(lang)) {
  const clean = Object.entries({ ...details, subject }).map(([key, value]) => [
    key,
    typeof value === 'string' ? value.replaceAll('`', "'") : value,
  ]);
  return words[lang][code](Object.fromEntries(clean), format);
}

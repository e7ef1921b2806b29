/** Parameters that hold several values, separated by commas. */
import { z } from 'zod';

const maxText = 8000;
const maxItems = 200;

const items = (what: string) =>
  z
    .string()
    .max(maxText)
    .transform((text) => text.split(/[,،]/).map((item) => item.trim()))
    .pipe(z.array(z.string().min(1)).max(maxItems))
    .meta({ description: `${what}, separated by commas` });

/** All of them when left out. */
export const listParameter = (what: string) => items(`${what}; all when left out`).optional();

/** Some of a few words. */
export const wordsParameter = <const T extends readonly [string, ...string[]]>(words: T) =>
  items(words.join(', ')).pipe(z.array(z.enum(words)));

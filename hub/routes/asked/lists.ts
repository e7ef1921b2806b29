/** Parameters that hold several values, separated by commas. */
import { z } from 'zod';

const maxText = 8000;
const maxItems = 200;

const refuse = (context: z.RefinementCtx, en: string, fa: string): never => {
  context.addIssue({ code: 'custom', message: en, params: { fa } });
  return z.NEVER;
};

/** Nothing between two commas is nothing: programs that put lists together leave such behind. */
const items = (what: string) =>
  z
    .string()
    .max(maxText)
    .transform((text, context): string[] => {
      const found = text.split(/[,،]/).flatMap((item) => item.trim() || []);
      if (found.length === 0) {
        return refuse(context, 'is empty: name some, or leave it out', 'خالی است: نام ببرید یا پارامتر را نیاورید');
      }
      if (found.length <= maxItems) return found;
      const least = `${found.length} > ${maxItems}`;
      return refuse(
        context,
        `names too many (${least}): ask in parts`,
        `بیش از حد نام می‌برد (${least}): بخش‌بخش بخواهید`,
      );
    })
    .meta({ description: `${what}, separated by commas` });

/** All of them when left out. */
export const listParameter = (what: string) => items(`${what}; all when left out`).optional();

/** Some of a few words. */
export const wordsParameter = <const T extends readonly [string, ...string[]]>(words: T) =>
  items(words.join(', ')).transform((found, context): T[number][] => {
    const strange = found.find((one) => !words.includes(one));
    if (strange === undefined) return found;
    return refuse(
      context,
      `there is no "${strange}"; say some of ${words.join(', ')}`,
      `«${strange}» وجود ندارد؛ از ${words.join('، ')} انتخاب کنید`,
    );
  });

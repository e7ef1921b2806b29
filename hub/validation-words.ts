/** What is wrong with a parameter, in both languages: the schema's own sentence, ours for what is common, or zod's. */
import { z } from 'zod';
import { namesOf, type Said, type Words } from './words.ts';

/** An issue of zod as the type provider hands it over. */
export interface ValidationIssue {
  readonly keyword: string;
  readonly message?: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

const persian = z.locales.fa().localeError;

export function validationWords({ keyword, message = 'is not valid', params }: ValidationIssue): Said {
  // A schema that speaks for itself says it in Persian beside its message.
  const own = (params.params as { fa?: string } | undefined)?.fa;
  if (own !== undefined) return { en: message, fa: own };
  if (keyword === 'custom') return message;
  const common = commonWords(keyword, message, params);
  if (common) return common;
  const said = persian({ code: keyword, path: [], input: undefined, ...params } as unknown as Parameters<
    typeof persian
  >[0]);
  const fa = typeof said === 'string' ? said : said?.message;
  return { en: message, fa: fa ?? message };
}

const isNumber = (origin: unknown): boolean => ['number', 'int', 'bigint'].includes(String(origin));

/** What people get wrong every day, said as one says it. */
function commonWords(keyword: string, message: string, params: ValidationIssue['params']): Words | undefined {
  const { origin, minimum, maximum, values, options, expected, inclusive } = params;
  switch (keyword) {
    case 'invalid_type': {
      if (message.endsWith('received undefined')) return { en: 'is missing', fa: 'لازم است و نیامده' };
      if (!isNumber(expected)) return undefined;
      const isWhole = expected === 'int';
      return isWhole
        ? { en: 'must be a whole number', fa: 'باید عدد صحیح باشد' }
        : { en: 'must be a number', fa: 'باید عدد باشد' };
    }
    case 'too_small':
      if (isNumber(origin) && inclusive) return { en: `must be at least ${minimum}`, fa: `باید دست‌کم ${minimum} باشد` };
      return origin === 'string' && minimum === 1 ? { en: 'is empty', fa: 'خالی است' } : undefined;
    case 'too_big':
      if (isNumber(origin) && inclusive) return { en: `must be at most ${maximum}`, fa: `باید حداکثر ${maximum} باشد` };
      if (origin !== 'string') return undefined;
      return { en: `has more than ${maximum} characters`, fa: `بیش از ${maximum} نویسه دارد` };
    case 'invalid_value':
      return oneOf(values as readonly unknown[]);
    case 'invalid_union':
      return options ? oneOf(options as readonly unknown[]) : undefined;
    default:
      return undefined;
  }
}

function oneOf(values: readonly unknown[]): Words {
  const names = namesOf(values.map(String));
  return { en: `must be one of ${names.en}`, fa: `باید یکی از ${names.fa} باشد` };
}

/** What is wrong with a parameter, in both languages: zod's own sentences, or the schema's where it has one. */
import { z } from 'zod';
import type { Said } from './words.ts';

/** An issue of zod as the type provider hands it over. */
export interface ValidationIssue {
  readonly keyword: string;
  readonly message?: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

const persian = z.locales.fa().localeError;

const missing: Said = { en: 'is missing', fa: 'لازم است و نیامده' };

export function validationWords({ keyword, message = 'is not valid', params }: ValidationIssue): Said {
  if (keyword === 'invalid_type' && message.endsWith('received undefined')) return missing;
  // A schema that speaks for itself says it in Persian beside its message.
  const own = (params.params as { fa?: string } | undefined)?.fa;
  if (own !== undefined) return { en: message, fa: own };
  if (keyword === 'custom') return message;
  const said = persian({ code: keyword, path: [], input: undefined, ...params } as unknown as Parameters<
    typeof persian
  >[0]);
  const fa = typeof said === 'string' ? said : said?.message;
  return { en: message, fa: fa ?? message };
}

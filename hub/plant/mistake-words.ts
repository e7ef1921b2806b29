/** A mistake in a plant file, in both languages. */
import type { z } from 'zod';
import type { ConfigError } from '../../protocols/errors.ts';
import { validationWords } from '../validation-words.ts';
import { inLanguage, type Words } from '../words.ts';

/** What is wrong and what to do, without the place. */
export function mistakeWords({ message, hint, cause }: ConfigError): Words {
  const en = `${message}. ${hint}`;
  const issue = cause as z.core.$ZodIssue | undefined;
  // No value of it is wrong: it is no YAML, names what the hub does not give, or has more mistakes than are told.
  if (!Array.isArray(issue?.path)) return { en, fa: `خطا در فایل: ${en}` };
  if (issue.code === 'unrecognized_keys') {
    return { en, fa: `کلید «${issue.keys[0]}» اینجا شناخته نیست؛ آن را اصلاح کنید یا بردارید` };
  }
  const said = validationWords({ keyword: issue.code, message: issue.message, params: { ...issue } });
  return { en, fa: `${issue.path.join('.') || 'فایل'}: ${inLanguage(said, 'fa')}` };
}

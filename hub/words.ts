/** What the API says in both of its languages. */

export interface Words {
  readonly en: string;
  readonly fa: string;
}

/** A sentence in both languages, or in English where nobody has said it in Persian yet. */
export type Said = string | Words;

export type Language = keyof Words;

export const inLanguage = (said: Said, language: Language): string =>
  typeof said === 'string' ? said : said[language];

/** What a request without a language of its own asks for: the first one that is named. */
export const languageOf = (acceptLanguage: string | undefined): Language =>
  /^\s*fa\b/i.test(acceptLanguage ?? '') ? 'fa' : 'en';

/** A list of names, as a sentence ends with it. */
export const namesOf = (known: readonly string[]): Words =>
  known.length > 0 ? { en: known.join(', '), fa: known.join('، ') } : { en: 'none', fa: 'هیچ' };

/** Joins sentences language by language. */
export const joined = (said: readonly Said[], between: string): Words => ({
  en: said.map((one) => inLanguage(one, 'en')).join(between),
  fa: said.map((one) => inLanguage(one, 'fa')).join(between),
});

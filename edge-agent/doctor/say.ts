/** The doctor's words in a language. */
import { createFormat } from '../status/page/format.js';
import type { Language } from '../status/problems.ts';
import { type DoctorWords, doctorWords } from './words-en.ts';
import { doctorWordsFa } from './words-fa.ts';

export const sayIn = (lang: Language): DoctorWords =>
  lang === 'fa' ? doctorWordsFa(createFormat('fa')) : doctorWords(createFormat('en'));

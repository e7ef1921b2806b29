/** In which language a command speaks to people. */
import { Option } from 'commander';

export const languageOption = (): Option =>
  new Option('--lang <language>', 'Persian or English').choices(['fa', 'en']).default('en');

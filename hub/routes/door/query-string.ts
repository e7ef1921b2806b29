/** Query strings as people and programs write them: digits of all three scripts, lists with commas or one by one. */
import { parse } from 'node:querystring';
import { asciiDigits } from '../../plant/digits.ts';

/** A parameter that is given several times is a list, as with commas between: so do most HTTP clients write lists. */
export function parseQuery(text: string): Record<string, string> {
  const parsed: Record<string, string> = Object.create(null);
  for (const [name, value = ''] of Object.entries(parse(text))) {
    parsed[name] = asciiDigits(Array.isArray(value) ? value.join(',') : value);
  }
  return parsed;
}

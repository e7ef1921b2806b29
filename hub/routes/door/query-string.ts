/** Query strings as people type them: digits of all three scripts are numbers in every parameter. */
import { parse } from 'node:querystring';
import { asciiDigits } from '../../plant/digits.ts';

type Parsed = Record<string, string | string[]>;

/** A parameter that is given several times is a list, as Fastify has it. */
export function parseQuery(text: string): Parsed {
  const parsed: Parsed = Object.create(null);
  for (const [name, value = ''] of Object.entries(parse(text))) {
    parsed[name] = Array.isArray(value) ? value.map(asciiDigits) : asciiDigits(value);
  }
  return parsed;
}

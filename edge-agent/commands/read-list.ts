/** A wiring list as somebody has saved it, in UTF-8 from here on. */
import { readFileSync } from 'node:fs';
import { decodeSpreadsheet } from '../../config/spreadsheet.ts';
import { ConfigError } from '../../protocols/errors.ts';

export interface WiringList {
  readonly text: string;
  /** In which characters the file is, where that is not UTF-8: an agent does not read it as it lies there. */
  readonly charset: string | undefined;
}

/** @throws {ConfigError} it cannot be read. */
export function readList(csv: string): WiringList {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(csv);
  } catch (cause) {
    const hint = 'Check the path and its rights.';
    throw new ConfigError('the wiring list cannot be read', { path: csv, hint, cause });
  }
  const { text, charset } = decodeSpreadsheet(bytes);
  if (charset === 'utf-8') return { text, charset: undefined };
  // With the mark by which Excel knows UTF-8 when it opens the list again.
  return { text: `\ufeff${text.replace(/^\ufeff/, '')}`, charset };
}

export const charsetNote = (csv: string, charset: string): string =>
  `${csv} is not in UTF-8 but in ${charset}: look whether names and units are right (°C, m³, دما).`;

/** What a row of a sheet holds for: when any of it changes, another thing is measured, and nobody has compared it yet. */
import type { SheetRow } from '../../protocols/commissioning.ts';

export type Declared = Pick<SheetRow, 'path' | 'source' | 'address' | 'type' | 'unit' | 'scale'>;

/** The same for the same thing measured, as the hub's `identityOf` is. */
export const declaredKey = ({ path, source, address, type, unit, scale = 1 }: Declared): string =>
  JSON.stringify([path, source, address, type, unit, scale]);

/** The four tables of a Modbus device. Each is read by a function code of its own (Modbus 6.1 to 6.4). */
export const tables = ['coil', 'discrete', 'holding', 'input'] as const;
export type Table = (typeof tables)[number];

/** Modbus 6.1 to 6.4. */
export const functionCode = (table: Table): number => tables.indexOf(table) + 1;

/** Coils and discrete inputs are single bits, holding and input registers are words of 16. */
export const isBitTable = (table: Table): boolean => table === 'coil' || table === 'discrete';

/** Bytes of data that the reply to a read of so many registers or bits carries (Modbus 6.1 to 6.4). */
export const replyBytes = ({ table, count }: { readonly table: Table; readonly count: number }): number =>
  isBitTable(table) ? Math.ceil(count / 8) : count * 2;

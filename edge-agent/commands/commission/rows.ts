/** The answers of a walk as a table. */
import type { SheetRow } from '../../../protocols/commissioning.ts';
import type { Terminal } from '../../terminal/terminal.ts';

export const printRows = (rows: readonly SheetRow[], terminal: Terminal): void =>
  terminal.printTable(
    [
      { title: 'TAG' },
      { title: 'AGENT', align: 'right' },
      { title: 'DISPLAY', align: 'right' },
      { title: 'VERDICT' },
      { title: 'NOTE' },
    ],
    rows.map(({ path, agentValue, scale = 1, unit, displayed, displayedUnit = '', verdict, correction, note }) => {
      const value = agentValue?.value ?? null;
      const scaled = typeof value === 'number' ? Number((value * scale).toPrecision(12)) : value;
      const made = correction ? `${correction.key}: ${correction.from || 'none'} -> ${correction.to}` : '';
      const told = [made, note].filter(Boolean).join('; ');
      return [path, `${scaled ?? '-'} ${unit}`.trim(), `${displayed} ${displayedUnit}`.trim() || '-', verdict, told];
    }),
  );

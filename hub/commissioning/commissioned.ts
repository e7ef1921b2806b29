/** Whether a technician has accepted what a tag shows: only while the newest manifest declares it as the sheet does. */
import type { KnownTag } from '../ledger/ledger.ts';
import type { Commissioned, CommissioningSheets } from './sheets.ts';

/** What must be commissioned: neither the agent's own health nor what is measured no more. */
export const isMeasured = ({ current }: KnownTag): boolean => !current.retired && !current.role.startsWith('health_');

/** undefined also where the manifest does not say what is read: then no sheet can vouch for it. */
export function commissionedOf(
  sheets: CommissioningSheets,
  { agent, path, current }: KnownTag,
): Commissioned | undefined {
  const { type, unit, source, counter, definition } = current;
  if (definition === undefined) return undefined;
  return sheets.of(agent, { path, type, unit, source, scale: counter?.scale, definition });
}

/**
 * What the server is asked to report of an item (OPC 10000-4 7.22.2), and what is left to do here where it refuses.
 * The sampler of the agent applies deadbands as well, with the range that the configuration gives.
 */
import { DataChangeFilter, DataChangeTrigger, DeadbandType } from 'node-opcua-client';
import type { OpcuaGroup } from './config.ts';
import type { Item } from './item.ts';
import { createSieve, type Sieve } from './sieve.ts';

const triggers = {
  status: DataChangeTrigger.Status,
  value: DataChangeTrigger.StatusValue,
  timestamp: DataChangeTrigger.StatusValueTimestamp,
} as const;

/** null where the server's default is what is wanted: changes of value and status. */
export function filterOf(item: Item, group: Pick<OpcuaGroup, 'trigger'>): DataChangeFilter | null {
  const { report } = item.tag;
  // A measurement is told from the last, equal one by its time.
  const trigger = triggers[report.mode === 'always' ? 'timestamp' : group.trigger];
  const width = deadbandOf(item);
  if (width > 0) return new DataChangeFilter({ trigger, deadbandType: DeadbandType.Absolute, deadbandValue: width });
  if (isFiltered(item) && report.deadbandPercent > 0) {
    return new DataChangeFilter({
      trigger,
      deadbandType: DeadbandType.Percent,
      deadbandValue: report.deadbandPercent,
    });
  }
  return trigger === DataChangeTrigger.StatusValue ? null : new DataChangeFilter({ trigger });
}

/** What remains to be done here where the server does not filter; undefined where nothing does. */
export function sievesOf(item: Item, group: Pick<OpcuaGroup, 'trigger' | 'mode'>): Sieve[] | undefined {
  const width = item.range ? deadbandOf(item) : 0;
  const statusOnly = group.mode === 'subscribe' && group.trigger === 'status' && item.tag.report.mode === 'change';
  return width > 0 || statusOnly ? item.ids.map(() => createSieve(width, statusOnly)) : undefined;
}

/** Only the node itself may know the range that its deadband is a part of. */
export const needsRange = ({ tag }: Item): boolean => tag.report.deadbandPercent > 0 && !tag.range;

/** In the tag's unit, the larger of the two; 0 where there is none, or its range is not known. */
function deadbandOf(item: Item): number {
  if (!isFiltered(item)) return 0;
  const { deadband, deadbandPercent } = item.tag.report;
  const range = item.tag.range ?? item.range;
  // By percent of a range that nobody knows: the server may.
  if (deadbandPercent > 0 && !range) return 0;
  return Math.max(deadband, range ? (deadbandPercent / 100) * (range[1] - range[0]) : 0);
}

const isFiltered = ({ tag }: Item): boolean =>
  tag.report.mode === 'change' && (tag.type === 'float' || tag.type === 'int') && tag.field === undefined;

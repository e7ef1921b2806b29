/** Modbus devices behind one connection as a Source. One reading per round; `through` is the time for which it was due. */
import { ConnectionError, RejectedError } from '../errors.ts';
import type { Source } from '../source.ts';
import type { SourceContext } from '../tag-config.ts';
import type { ModbusConfig } from './config.ts';
import { connectionName } from './connection-config.ts';
import { inspect } from './inspect.ts';
import { connectLink, type Link } from './link.ts';
import { planReads } from './plan.ts';
import { poll } from './poll.ts';

/** Each may cost the scheduled reads a timeout. */
const maxInspections = 4;

export function createModbusSource(config: ModbusConfig, { tagIds, clock }: SourceContext): Source {
  const groups = planReads(config, (path) => {
    const id = tagIds.get(path);
    if (id === undefined) throw new Error(`no tag id was given for ${path}`);
    return id;
  });
  const name = connectionName(config);
  let live: Link | undefined;
  let inspections = 0;

  return {
    id: config.id,
    async *read(signal) {
      let link: Link | undefined;
      try {
        link = await connectLink(config, signal);
        live = link;
        yield* poll({ link, groups, clock, name }, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        live = undefined;
        link?.close();
      }
    },
    async inspect(request, signal) {
      if (!live) throw new ConnectionError(`${name} is not connected`);
      if (inspections >= maxInspections) throw new RejectedError('too many are waiting', { reason: 'busy' });
      const unit = request.kind === 'modbus' ? request.unit : undefined;
      const timing = groups.find((group) => group.unit === unit) ?? config;
      inspections++;
      try {
        return await Promise.race([inspect(live, request, timing, clock), rejectOnAbort(signal)]);
      } finally {
        inspections--;
      }
    },
  };
}

const rejectOnAbort = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

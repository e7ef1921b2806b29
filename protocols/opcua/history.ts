/**
 * Reads what was missed from the server's history (OPC 10000-11 6.5.3, raw values), page by page while live values flow.
 * A value is handed over only when it lies strictly within a gap of its tag: nothing comes twice.
 */
import { type DataValue, HistoryData, type NodeId } from 'node-opcua-client';
import { flag, type Sample, type TimeUs } from '../sample.ts';
import { type Bell, createBell } from './bell.ts';
import type { Item } from './item.ts';
import type { AcquireOptions } from './memory.ts';
import type { Services } from './services.ts';
import { nameOf, status } from './status.ts';
import { toTimeUs } from './time.ts';
import { elementsOf, measuredOf } from './value.ts';

export interface Backfill {
  /** Fills the gaps that there are, until the session ends. */
  run(): Promise<void>;
  /** There are new ones. */
  again(): void;
  /** The page that waits, if one does; then the next is asked for. */
  take(): readonly Sample[] | undefined;
}

export interface BackfillOptions extends AcquireOptions {
  /** Of all groups, as they are now. */
  readonly items: () => readonly Item[];
  readonly services: Services;
  /** Rung when a page can be taken. */
  readonly bell: Bell;
  readonly closed: AbortSignal;
}

/** Values of a page, of all its nodes. */
const pageSize = 4000;
const maxNodesPerPage = 20;
/** Without an end: a server whose pages never end. */
const maxPages = 100_000;

interface Task {
  readonly item: Item & { readonly node: NodeId };
  readonly after: TimeUs;
  readonly before: TimeUs;
  continuationPoint?: Buffer | undefined;
}

export function createBackfill(options: BackfillOptions): Backfill {
  const { config, context, items, services, memory, bell, closed } = options;
  const { clock, log } = context;
  const { gaps } = memory;
  let page: readonly Sample[] | undefined;
  const taken = createBell();
  const wanted = createBell();
  /** Oldest first, so that those of about the same time are asked for together. */
  const tasks = (): Task[] => {
    const now = clock.now();
    return items()
      .flatMap((item) => {
        const oldest = now - item.historyUs;
        const all = item.ids.flatMap((id) => gaps.of(id)).filter(({ before }) => before > oldest);
        if (all.length === 0 || typeof item.node === 'number') return [];
        return [
          {
            item: item as Task['item'],
            after: Math.max(oldest, Math.min(...all.map(({ after }) => after))),
            before: Math.max(...all.map(({ before }) => before)),
          },
        ];
      })
      .sort((a, b) => a.after - b.after);
  };

  /** Of the values that came, what is missing; in order, and each once, whatever the server did. */
  const missing = (task: Task, values: readonly DataValue[]): Sample[] => {
    const samples = missingOf(task, values).sort((a, b) => a.time - b.time);
    const last = new Map<number, Sample>();
    return samples.filter((sample) => {
      const before = last.get(sample.tag);
      last.set(sample.tag, sample);
      return !(before?.time === sample.time && before.value === sample.value && before.quality === sample.quality);
    });
  };
  const missingOf = ({ item, after }: Task, values: readonly DataValue[]): Sample[] =>
    values.flatMap((dataValue) => {
      const source = toTimeUs(dataValue.sourceTimestamp, dataValue.sourcePicoseconds);
      const time = source ?? toTimeUs(dataValue.serverTimestamp, dataValue.serverPicoseconds);
      if (time === undefined || time <= after) return [];
      const measured =
        item.tag.elements === undefined
          ? [measuredOf(dataValue, item.wanted)]
          : elementsOf(dataValue, item.ids.length, item.wanted);
      const flags = source === undefined ? flag.historical | flag.timeFromServer : flag.historical;
      return item.ids.flatMap((tag, i): Sample[] =>
        gaps.of(tag).some((gap) => gap.after < time && time < gap.before)
          ? [{ tag, time, value: measured[i]!.value, quality: measured[i]!.quality, flags }]
          : [],
      );
    });

  const handOver = async (samples: readonly Sample[]) => {
    if (samples.length === 0) return;
    page = samples;
    bell.ring();
    await taken.wait(closed);
  };

  const fill = async (batch: readonly Task[]): Promise<number> => {
    let count = 0;
    const perNode = Math.ceil(pageSize / batch.length);
    const range = {
      start: new Date(Math.floor(Math.min(...batch.map(({ after }) => after)) / 1000)),
      end: new Date(Math.floor(Math.max(...batch.map(({ before }) => before)) / 1000) + 1),
      perNode,
    };
    let open = [...batch];
    for (let pages = 0; open.length > 0 && pages < maxPages; pages++) {
      const outcomes = await services.historyPage(
        open.map(({ item, continuationPoint }) => ({
          nodeId: item.node,
          ...(continuationPoint && { continuationPoint }),
          ...(item.wanted.picked && { indexRange: item.tag.index as never }),
        })),
        range,
      );
      const samples: Sample[] = [];
      const progress = new Map<number, TimeUs>();
      const next: Task[] = [];
      for (const [i, task] of open.entries()) {
        const { result, status: fault = result!.statusCode.value } = outcomes[i]!;
        const data = result?.historyData;
        const values = data instanceof HistoryData ? (data.dataValues ?? []) : [];
        if (fault >>> 31 === 1) {
          // Another session may be able to; the gap stays, until it is too old.
          log.warn({ source: config.id, path: task.item.tag.path, status: nameOf(fault) }, 'history cannot be read');
          if (isHopeless(fault)) for (const id of task.item.ids) progress.set(id, task.before);
          continue;
        }
        if (task.item.wanted.field) await services.decode(values);
        for (const sample of missing(task, values)) samples.push(sample);
        const more = result?.continuationPoint?.length ? (result.continuationPoint as Buffer) : undefined;
        const until = more ? newestOf(values) : task.before;
        if (until > 0) for (const id of task.item.ids) progress.set(id, until);
        if (more) next.push({ ...task, continuationPoint: more });
      }
      // Before they are handed over: after a crash in between, some are missing rather than there twice.
      if (progress.size > 0) gaps.filled(progress);
      count += samples.length;
      await handOver(samples);
      open = next;
    }
    return count;
  };

  const fillAll = async () => {
    const all = tasks();
    if (all.length === 0 || !(await clocksAgree())) return;
    log.info({ source: config.id, tags: all.length }, 'reading from the history what was missed');
    let count = 0;
    const perPage = Math.min(services.allowance.nodesPerHistoryRead, maxNodesPerPage);
    for (let first = 0; first < all.length; first += perPage) count += await fill(all.slice(first, first + perPage));
    log.info({ source: config.id, samples: count }, 'history read');
  };

  return {
    async run() {
      for (;;) {
        await fillAll();
        await wanted.wait(closed);
      }
    },
    again: wanted.ring,
    take() {
      const samples = page;
      page = undefined;
      if (samples) taken.ring();
      return samples;
    },
  };

  /** What was missed is found by its time: with a wrong clock, it would be other values. */
  async function clocksAgree(): Promise<boolean> {
    const { serverTime } = await services.readClock(() => clock.now());
    const agree = serverTime !== undefined && Math.abs(serverTime - clock.now()) <= config.maxSkewMs * 1000;
    if (!agree)
      log.warn({ source: config.id }, "the history is not read: the server's clock is not near the gateway's");
    return agree;
  }
}

const newestOf = (values: readonly DataValue[]): TimeUs =>
  values.reduce(
    (newest, { sourceTimestamp, sourcePicoseconds }) =>
      Math.max(newest, toTimeUs(sourceTimestamp, sourcePicoseconds) ?? 0),
    0,
  );

/** There is no history of this node, whenever it is asked. */
const isHopeless = (code: number): boolean => hopeless.has(code);
const hopeless: ReadonlySet<number> = new Set([
  0x80720000, // BadHistoryOperationUnsupported
  0x800b0000, // BadServiceUnsupported
  0x803a0000, // BadNotReadable
  0x803d0000, // BadNotSupported
  status.badNodeIdUnknown,
]);

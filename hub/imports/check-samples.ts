/**
 * The first half of an import of samples: every row of the file is read, put in order of time, held against what is
 * stored, and either listed with its reason or written to frames. Nothing of the store or the ledger changes; memory is
 * the same for a thousand rows and for ten million.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Manifest, ManifestTag } from '../../protocols/manifest.ts';
import { flag, quality, type TimeUs } from '../../protocols/sample.ts';
import { importAgent, isImportAgent } from '../ledger/imported.ts';
import type { KnownTag } from '../ledger/ledger.ts';
import { isHealth } from '../plant/bindings.ts';
import { persianDigits } from '../plant/local-time.ts';
import { hourUs } from '../plant/zone.ts';
import type { LostTime } from '../rollup/samples/lost-time.ts';
import { siteTags } from '../rollup/samples/site-tags.ts';
import { readParquet } from '../store/duckdb/read-parquet.ts';
import { openRowSorter, type SortedRow } from '../store/duckdb/sort-rows.ts';
import type { TelemetryReader } from '../store/store.ts';
import type { Words } from '../words.ts';
import { againstStore } from './against-store.ts';
import type { FaultOfTime } from './fault-of-time.ts';
import { openFramesWriter } from './frames-file.ts';
import type { ImportRequest, Outcome } from './import.ts';
import type { ImportFolder } from './import-folder.ts';
import { createKnownRuns } from './known-runs.ts';
import { readCsv, type TextRow, UnreadableFile } from './read-csv.ts';
import { openRefusalsWriter } from './refusals-file.ts';
import { readSampleRow, readValue, refusal, type SampleRow, sampleColumns } from './sample-row.ts';
import { steps } from './words.ts';

export interface CheckOptions {
  readonly request: ImportRequest;
  /** Of the stream that is to be. */
  readonly id: string;
  readonly folder: ImportFolder;
  readonly zone: string;
  readonly tags: readonly KnownTag[];
  readonly lost: LostTime;
  readonly reader: Pick<TelemetryReader, 'series'>;
  readonly now: TimeUs;
  readonly faultOfTime: FaultOfTime;
  progress(share: number, step: Words): void;
}

export interface SamplesChecked {
  readonly outcome: Outcome;
  readonly manifest: Manifest;
}

/** Of one look into the store: about so many samples, and so many rows. */
const pointsAtOnce = 250_000;
const rowsAtOnce = 8192;
const idsPerTag = 3;

/** @throws {UnreadableFile} @throws {ConnectionError} the store is away. */
export async function checkSamples(options: CheckOptions, signal: AbortSignal): Promise<SamplesChecked> {
  const { request, id, folder, reader, now, progress } = options;
  const declared = collectDeclared(request.site, options.tags);
  const measured = siteTags(request.site, options.tags, options.lost);
  const asked: KnownTag[] = [];
  const indexes = new Map<string, number>();
  const find = (text: string) => {
    const path = text.startsWith(`${request.site}/`) ? text : `${request.site}/${text}`;
    const tag = declared.get(path);
    if (!tag) return undefined;
    let index = indexes.get(path);
    if (index === undefined) {
      index = asked.push(tag) - 1;
      indexes.set(path, index);
    }
    return { index, type: tag.current.type };
  };

  const refused = openRefusalsWriter(folder.refused);
  await using sorter = await openRowSorter(folder.sorting);
  const context = { find, zone: options.zone, now, faultOfTime: options.faultOfTime };
  let rows = 0;
  let page: SortedRow[] = [];
  for await (const row of rowsOf(options, signal)) {
    rows += 1;
    const sample = readSampleRow(row, context);
    if ('reason' in sample) refused.add(sample);
    else page.push({ ...sample, text: sample.value === null ? null : String(sample.value) });
    if (rows % rowsAtOnce > 0) continue;
    await sorter.add(page);
    page = [];
    progress(0.4 * shareOf(row.line, request.rowsGuessed), steps.read(rows));
    await breathe();
  }
  await sorter.add(page);

  await using frames = await openFramesWriter(folder.frames, id, now);
  const runs = createKnownRuns(request.holdUs, ({ kind, tag, time, value }) =>
    frames.add(tag * idsPerTag + (kind === 'session' ? 2 : 3), time, value, quality.good, flag.historical),
  );
  const storedTags = asked.map(({ path }) => measured.get(path));
  const outcome = { rows, taken: 0, known: 0, from: null as TimeUs | null, to: null as TimeUs | null };
  const lastOf = new Map<number, SampleRow>();
  const cutAfterUs = Math.max(request.holdUs, hourUs);
  let last: TimeUs = Number.POSITIVE_INFINITY;
  let done = 0;

  const take = async (slice: readonly SampleRow[]) => {
    const verdicts = await againstStore(slice, (tag) => storedTags[tag], reader, signal);
    for (const [index, verdict] of verdicts.entries()) {
      const row = slice[index]!;
      // A frame does not reach over a hole: figures are computed anew of just the time that frames tell of.
      if (row.time - last > cutAfterUs) {
        runs.end();
        await frames.flush(true);
      }
      last = row.time;
      if (verdict === 'new') {
        outcome.taken += 1;
        outcome.from ??= row.time;
        outcome.to = row.time;
        runs.row(row.tag, row.time, true);
        frames.add(row.tag * idsPerTag + 1, row.time, row.value, row.quality, flag.historical);
      } else if (verdict.kind === 'known') {
        outcome.known += 1;
        runs.row(row.tag, row.time, false);
      } else {
        refused.add({ line: row.line, kind: verdict.kind, reason: verdict.reason });
        runs.cut(row.tag);
      }
    }
    await frames.flush();
    done += slice.length;
    progress(0.4 + 0.3 * shareOf(done, rows), steps.compared(done));
  };

  const pointsPerUs = asked.reduce((sum, { current }) => sum + 3_600_000 / current.intervalMs, 0) / hourUs;
  let slice: SampleRow[] = [];
  for await (const sorted of sorter.sorted(signal)) {
    for (const one of sorted) {
      const row = { ...one, value: one.text === null ? null : readValue(one.text, asked[one.tag]!.current.type)! };
      const before = lastOf.get(row.tag);
      if (before?.time === row.time) {
        // Twice in the file: the same is one, another is nobody's to choose.
        if (before.value === row.value && before.quality === row.quality) outcome.known += 1;
        else refused.add(twice(row.line, before.line));
        continue;
      }
      lastOf.set(row.tag, row);
      const isFull =
        slice.length >= rowsAtOnce || (row.time - (slice[0]?.time ?? row.time)) * pointsPerUs > pointsAtOnce;
      if (isFull) {
        await take(slice);
        slice = [];
      }
      slice.push(row);
    }
  }
  await take(slice);
  runs.end();
  await refused.end();
  const numbers = await frames.end();
  return {
    outcome: { ...outcome, refused: { ...refused.counts }, numbers, tags: asked.length },
    manifest: manifestOf(id, request.site, asked),
  };
}

async function* rowsOf({ request, folder }: CheckOptions, signal: AbortSignal): AsyncGenerator<TextRow> {
  if (request.format === 'csv') return yield* readCsv(folder.source, sampleColumns, signal);
  let line = 0;
  try {
    for await (const page of readParquet(folder.source, [...sampleColumns, 'quality', 'value_text'], signal)) {
      for (const cells of page) yield { line: ++line, cells };
    }
  } catch (error) {
    if (signal.aborted || line > 0) throw error;
    const why = (error as Error).message.split('\n', 1)[0]!;
    throw new UnreadableFile({
      en: `it is no Parquet file that can be read: ${why}`,
      fa: `پروندهٔ Parquet خواندنی نیست: ${why}`,
    });
  }
}

const twice = (line: number, before: number) =>
  refusal(
    line,
    'twice',
    `tells another value for the tag and time of line ${before}`,
    `برای تگ و زمان سطر ${persianDigits(`${before}`)} مقدار دیگری می‌گوید`,
  );

const shareOf = (done: number, of: number): number => Math.min(1, of > 0 ? done / of : 0);

/** The newest declaration of every tag that a gateway has measured, by full path. */
function collectDeclared(site: string, tags: readonly KnownTag[]): Map<string, KnownTag> {
  const found = new Map<string, KnownTag>();
  for (const tag of tags) {
    if (isImportAgent(tag.agent) || isHealth(tag.current.role)) continue;
    if (tag.path.startsWith(`${site}/`)) found.set(tag.path, tag);
  }
  return found;
}

/** Each tag has a source of its own, which is known where the file tells of it. */
function manifestOf(id: string, site: string, asked: readonly KnownTag[]): Manifest {
  const tags = asked.flatMap(({ path, current }, index): ManifestTag[] => {
    const source = `${importAgent(id).slice(0, 15).replace(':', '-')}-${index + 1}`;
    const { type, unit, role, intervalMs, counter, definition } = current;
    const first = index * idsPerTag + 1;
    const health = { unit: '', source, intervalMs } as const;
    return [
      {
        id: first,
        path: path.slice(site.length + 1),
        type,
        unit,
        role,
        source,
        intervalMs,
        ...(counter && { counter }),
        ...(definition && { definition }),
      },
      { ...health, id: first + 1, path: `health/${source}/session`, type: 'bool', role: 'health_session' },
      { ...health, id: first + 2, path: `health/${source}/through`, type: 'int', role: 'health_through' },
    ];
  });
  return { epoch: id, revision: 1, site, tags };
}

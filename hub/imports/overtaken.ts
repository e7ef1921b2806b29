/**
 * What of an import counts no more, since a gateway's own samples of that time have come after it. It is found out when
 * somebody asks, by the rule that figures go by: nothing of it is written anywhere.
 */
import { decodePayload } from '../../protocols/frame.ts';
import type { Manifest } from '../../protocols/manifest.ts';
import type { SampleColumns, SampleValue, TimeUs } from '../../protocols/sample.ts';
import { isImportAgent } from '../ledger/imported.ts';
import type { KnownTag } from '../ledger/ledger.ts';
import type { LostTime } from '../rollup/samples/lost-time.ts';
import { siteTags } from '../rollup/samples/site-tags.ts';
import type { TelemetryReader } from '../store/store.ts';
import type { Words } from '../words.ts';
import { againstStore, type StoredSample } from './against-store.ts';
import { readFrames } from './frames-file.ts';
import { pathsIn } from './import-folder.ts';
import type { SampleRow } from './sample-row.ts';
import { toldAlike } from './words.ts';

export interface Overtaken {
  /** In the import's stream. */
  readonly number: number;
  /** Full path. */
  readonly tag: string;
  readonly time: TimeUs;
  /** What the import says. */
  readonly value: SampleValue;
  /** What the gateway says: its sample of that time, or the last one before. */
  readonly measured: StoredSample;
  readonly kind: string;
  readonly reason: Words;
}

export interface OvertakenPage {
  readonly rows: readonly Overtaken[];
  /** The last number that was looked at; null is the end. */
  readonly next: number | null;
}

export interface OvertakenOptions {
  /** Of frames. */
  readonly file: string;
  readonly manifest: Manifest;
  readonly tags: readonly KnownTag[];
  readonly lost: LostTime;
  readonly reader: Pick<TelemetryReader, 'series'>;
}

/** Some 33,000 samples. */
const framesAtOnce = 8;

/** Looks through some frames after a number. @throws {ConnectionError} the store is away. */
export async function overtakenAfter(
  { file, manifest, tags, lost, reader }: OvertakenOptions,
  after: number,
  signal: AbortSignal,
): Promise<OvertakenPage> {
  const paths = pathsIn(manifest);
  const measured = siteTags(
    manifest.site,
    tags.filter(({ agent }) => !isImportAgent(agent)),
    lost,
  );
  const rows: Overtaken[] = [];
  let frames = 0;
  let last = after;
  for await (const { header, payload } of readFrames(file, after)) {
    if (frames++ === framesAtOnce) return { rows, next: last };
    signal.throwIfAborted();
    const { samples } = decodePayload(header, payload);
    const own = rowsOf(samples, header.first).filter(({ tag, line }) => paths.has(tag) && line > after);
    const verdicts = await againstStore(own, (id) => measured.get(paths.get(id)!), reader, signal);
    for (const [index, verdict] of verdicts.entries()) {
      const { line, tag, time, value } = own[index]!;
      if (verdict === 'new') continue;
      const { kind, stored } = verdict;
      const reason = verdict.kind === 'known' ? toldAlike : verdict.reason;
      rows.push({ number: line, tag: paths.get(tag)!, time, value, measured: stored, kind, reason });
    }
    last = header.first + header.count - 1;
  }
  return { rows, next: null };
}

/** A row's line is the sample's number. */
const rowsOf = ({ tags, times, values, qualities }: SampleColumns, first: number): SampleRow[] =>
  tags.map((tag, index) => ({
    ...{ line: first + index, tag, time: times[index]!, value: values[index]!, quality: qualities[index]! },
  }));

/**
 * Several ledgers as one, for whoever only looks: pages, KPIs and the API of a hub that also shows what other ingest
 * processes take. A stream that moved from one to another is in both, each with its part, and is told once.
 */
import { union } from '../plant/spans.ts';
import { collectTags } from './known-tags.ts';
import type { DeclaredStream, KnownTag, LedgerReader, Stream } from './ledger.ts';

/** The first is one's own. With one it is that one itself. */
export function uniteLedgers(ledgers: readonly LedgerReader[]): LedgerReader {
  const [own, ...others] = ledgers;
  if (!own) throw new Error('no ledger');
  if (others.length === 0) return own;
  let known: { from: readonly (readonly KnownTag[])[]; tags: readonly KnownTag[] } | undefined;

  const declared = (): DeclaredStream[] => {
    const byNumber = new Map<number, DeclaredStream[]>();
    for (const ledger of ledgers) {
      for (const one of ledger.declared()) {
        const parts = byNumber.get(one.stream.number);
        if (parts) parts.push(one);
        else byNumber.set(one.stream.number, [one]);
      }
    }
    return [...byNumber.values()].map(join).sort((a, b) => (a.stream.helloAt ?? 0) - (b.stream.helloAt ?? 0));
  };
  const parts = (stream: number) =>
    ledgers
      .filter((ledger) => ledger.streams().some(({ number }) => number === stream))
      .sort((a, b) => inheritedBy(a, stream) - inheritedBy(b, stream));

  return {
    id: own.id,
    declared,
    streams: () => declared().map(({ stream }) => stream),
    stream: (agent, epoch) => declared().find(({ stream }) => stream.agent === agent && stream.epoch === epoch)?.stream,
    tagsOf: (stream) => declared().find((one) => one.stream.number === stream)?.tags ?? new Map(),
    tags() {
      // The list of each stays the same while its manifests and streams do.
      const from = ledgers.map((ledger) => ledger.tags());
      if (!known || from.some((tags, i) => tags !== known!.from[i])) known = { from, tags: collectTags(declared()) };
      return known.tags;
    },
    quarantines: () => new Map(ledgers.flatMap((ledger) => [...ledger.quarantines()])),
    batches: (stream, after, limit) =>
      inOrder(
        parts(stream).flatMap((ledger) => [...ledger.batches(stream, after, limit)]),
        ({ first }) => first,
      ).slice(0, limit),
    batchAt(stream, number) {
      for (const ledger of parts(stream)) {
        const batch = ledger.batchAt(stream, number);
        if (batch) return batch;
      }
    },
    frameAt(stream, number) {
      // Where two have it, the later owner has it from the agent's last word.
      for (const ledger of parts(stream).reverse()) {
        const frame = ledger.frameAt(stream, number);
        if (frame) return frame;
      }
    },
    deadLetters: (stream, after, limit) =>
      inOrder(
        parts(stream).flatMap((ledger) => [...ledger.deadLetters(stream, after, limit)]),
        ({ number }) => number,
      ).slice(0, limit),
    gaps: (stream) =>
      inOrder(
        parts(stream).flatMap((ledger) => [...ledger.gaps(stream)]),
        ({ first }) => first,
      ),
    gapCount: (stream) => parts(stream).reduce((sum, ledger) => sum + ledger.gapCount(stream), 0),
    // Where it is elsewhere, it is in one of the others.
    elsewhere: () => [],
  };
}

const inheritedBy = (ledger: LedgerReader, stream: number): number =>
  ledger.streams().find(({ number }) => number === stream)!.inherited;

/** The part that is furthest says how the stream stands; what they count is added up. */
function join(parts: readonly DeclaredStream[]): DeclaredStream {
  const [furthest, ...rest] = [...parts].sort((a, b) => b.stream.through - a.stream.through);
  if (rest.length === 0) return furthest!;
  const sum = (key: 'samples' | 'deadLetters') => parts.reduce((total, { stream }) => total + stream[key], 0);
  const least = (key: 'expired' | 'inherited') => Math.min(...parts.map(({ stream }) => stream[key]));
  const newest = parts.reduce((a, b) => (b.stream.manifestRevision > a.stream.manifestRevision ? b : a));
  const stream: Stream = {
    ...furthest!.stream,
    samples: sum('samples'),
    deadLetters: sum('deadLetters'),
    expired: least('expired'),
    inherited: least('inherited'),
  };
  const lives = new Map(
    [...newest.tags.keys()].map((tag) => [tag, union(...parts.map((part) => part.lives.get(tag) ?? []))]),
  );
  return { stream, site: newest.site, tags: newest.tags, lives };
}

/** What two ledgers have both, because one took over while the other was settling, is told once. */
function inOrder<T>(items: readonly T[], place: (item: T) => number): T[] {
  return [...items]
    .sort((a, b) => place(a) - place(b))
    .filter((item, i, all) => i === 0 || place(all[i - 1]!) !== place(item));
}

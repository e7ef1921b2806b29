/**
 * Bugs that a delivery protocol can have, planted one at a time. A checker that has never been seen to turn red proves
 * nothing: `npm run chaos -- --mutants` runs each of these and expects it to be caught.
 */
export interface Edit {
  readonly file: string;
  /** Occurs exactly once. */
  readonly search: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** What is no bug, and gives it more to do harm to. */
  readonly harmless?: readonly Edit[];
  /** Arguments of the run that shall catch it. */
  readonly run: readonly string[];
}

const ingest = 'hub/ingest/ingest.ts';
const conversation = 'edge-agent/forward/conversation.ts';
const storeStep = 'const stored = judgements.length > 0 ? await store(judgements, signal) : nothingStored;';
const settleStep = 'if (settled.length > 0 && !(await settle(settled, signal))) return;';
/** Leaves more frames under way when a fault comes. */
const slowHub: Edit = { file: ingest, search: storeStep, replace: `await delay(500);\n    ${storeStep}` };
/** Leaves the hub longer between store and ledger. */
const slowLedger: Edit = { file: ingest, search: settleStep, replace: `await delay(300);\n    ${settleStep}` };
/** What the hub has acknowledged is gone at once, so that nothing is left to mend a mistake with. */
const noReplay: Edit = { file: 'edge-agent/app.ts', search: 'config.buffer.replayHours * 3_600_000', replace: '0' };
const embedded = ['--store', 'duckdb'] as const;

export const mutants: readonly Mutant[] = [
  {
    name: 'the hub acknowledges before it stores',
    edits: [
      {
        file: ingest,
        search: storeStep,
        replace: `for (const { settled } of judgements) {
      const { agent, epoch } = ledger.streams().find(({ number }) => number === settled.batch.stream)!;
      reply(agent, { epoch, kind: 'ack', through: settled.batch.last });
    }
    await delay(500);
    ${storeStep}`,
      },
    ],
    harmless: [noReplay],
    run: [...embedded, '--faults', 'kill'],
  },
  {
    name: 'the hub writes the ledger before the store, and does not compare them when it starts',
    edits: [
      {
        file: ingest,
        search: storeStep,
        replace: `if (judgements.length > 0) await settle(judgements.map(({ settled }) => settled), signal);
    await delay(500);
    ${storeStep}`,
      },
      { file: ingest, search: settleStep, replace: '' },
      { file: 'hub/proof/agree.ts', search: 'if (through < first) continue;', replace: 'if (through >= 0) continue;' },
    ],
    harmless: [noReplay],
    run: [...embedded, '--faults', 'kill'],
  },
  {
    name: 'the agent releases what the broker has acknowledged',
    edits: [
      {
        file: conversation,
        search: 'session.data(frame.bytes).catch(',
        replace: 'session.data(frame.bytes).then(() => stream.release(frame.last)).catch(',
      },
    ],
    harmless: [slowHub, noReplay],
    run: [...embedded, '--faults', 'kill', 'pause'],
  },
  {
    name: 'the agent releases everything it has sent, at any acknowledgement',
    edits: [
      {
        file: 'edge-agent/forward/sending.ts',
        search: 'if (through >= frames.through) releaser.release(through);',
        replace: 'releaser.release(frames.sentTo);',
      },
    ],
    harmless: [slowHub, noReplay],
    run: [...embedded, '--broker', 'embedded', '--faults', 'kill', '--seconds', '60'],
  },
  {
    name: 'numbers are derived from the rows that are left',
    edits: [
      {
        file: 'edge-agent/buffer/meta.ts',
        search: 'const now = readMeta(db);',
        replace: `const now = readMeta(db);
  now.next = ((db.prepare('SELECT max(last) FROM chunk').pluck().get() as number | null) ?? 0) + 1;`,
      },
      {
        file: 'edge-agent/buffer/mark.ts',
        search: 'if (sum !== sumOf(',
        replace: 'if (sum !== undefined || sum !== sumOf(',
      },
    ],
    harmless: [noReplay],
    // An agent shows it that dies when nothing waits in its buffer.
    run: [...embedded, '--faults', 'kill', '--seconds', '60', '--rate', '400'],
  },
  {
    name: 'the hub takes frames out of order, and its ledger minds as little',
    edits: [
      {
        file: ingest,
        search: "else if (header.first > expected) refuse(arrival, stream.through, 'gap');",
        replace: '',
      },
      {
        file: 'hub/ledger/sqlite-ledger.ts',
        search: 'if (first !== before.through + 1) {',
        replace: 'if (first <= before.through) {',
      },
    ],
    harmless: [slowHub],
    run: [...embedded, '--faults', 'corrupt'],
  },
  {
    name: 'a rewrite gets other timestamps in the store',
    edits: [
      {
        file: 'hub/store/influx/line.ts',
        search: 'lastDigits[number % 1000]',
        replace: 'lastDigits[(number + Math.floor(Math.random() * 1000)) % 1000]',
      },
    ],
    harmless: [slowLedger],
    run: ['--store', 'influx', '--faults', 'kill', 'store-link'],
  },
  {
    name: 'the embedded store does not heed its own high-water mark',
    edits: [
      {
        file: 'hub/store/duckdb/append.ts',
        search: 'storable(batch, wanted(now), rejections)',
        replace: 'storable(batch, wanted(nothingHeld), rejections)',
      },
    ],
    harmless: [slowLedger],
    run: [...embedded, '--faults', 'kill'],
  },
  {
    name: 'the hub acknowledges a frame too many',
    edits: [
      {
        file: ingest,
        search: "if (ownership.owns(agent)) reply(agent, { epoch, kind: 'ack', through });",
        replace: "reply(agent, { epoch, kind: 'ack', through: through + 1000 });",
      },
    ],
    harmless: [slowHub, noReplay],
    // The broker dies with the hub: what was under way is nowhere but at the agent.
    run: [...embedded, '--broker', 'embedded', '--faults', 'kill'],
  },
  {
    name: 'a damaged frame is believed',
    edits: [
      {
        file: 'protocols/frame.ts',
        search: 'if (frame.readUInt32LE(52) !== checksum(frame))',
        replace: 'if (frame.length < 0)',
      },
    ],
    run: [...embedded, '--faults', 'corrupt'],
  },
  {
    name: 'a frame loses its first sample on the way to the store',
    edits: [
      {
        file: 'hub/ingest/judge.ts',
        search: 'for (let i = 0; i < count; i++) {\n    const time = samples.times[i]!;',
        replace: 'for (let i = first % 7 === 0 ? 1 : 0; i < count; i++) {\n    const time = samples.times[i]!;',
      },
    ],
    run: [...embedded, '--faults', 'slow'],
  },
  {
    name: 'values change places within a frame',
    edits: [
      {
        file: 'protocols/frame.ts',
        search: 'const v = new Array<SampleValue>(count);',
        replace:
          'const v = new Array<SampleValue>(count);\n  if (count > 99) samples = { ...samples, values: [samples.values[1]!, samples.values[0]!, ...samples.values.slice(2)] };',
      },
    ],
    run: [...embedded, '--faults', 'slow'],
  },
  {
    name: 'a store that has been put back is not noticed',
    edits: [
      { file: 'hub/proof/agree.ts', search: 'if (through < first) continue;', replace: 'if (through >= 0) continue;' },
    ],
    run: [...embedded, '--scenario', 'restored-store'],
  },
  {
    name: 'going back forgets no frames',
    edits: [
      {
        file: 'hub/ledger/rewind.ts',
        search: "'DELETE FROM batch WHERE stream = ? AND first > ?'",
        replace: "'DELETE FROM batch WHERE stream = ? AND first < 0 AND first > ?'",
      },
      {
        file: 'hub/ledger/settling.ts',
        search: "'INSERT INTO batch VALUES",
        replace: "'INSERT OR IGNORE INTO batch VALUES",
      },
    ],
    run: [...embedded, '--scenario', 'lost-store'],
  },
  {
    name: 'what a restored ledger does not know is a gap, though it is stored',
    edits: [
      {
        file: 'hub/ingest/greet.ts',
        search: 'if ((highest.get(number) ?? 0) <= through) return',
        replace: 'if (highest.size >= 0) return',
      },
    ],
    harmless: [noReplay],
    run: [...embedded, '--scenario', 'restored-ledger'],
  },
  {
    name: 'what is left of a damaged buffer is not saved under its old epoch',
    edits: [
      {
        file: 'edge-agent/buffer/quarantine.ts',
        search: '      salvage(entry);\n    },\n    close() {',
        replace: "      note(entry, 'failed');\n    },\n    close() {",
      },
    ],
    run: [...embedded, '--scenario', 'damaged-buffer'],
  },
  {
    name: 'an eviction commits before the gap that tells of it',
    edits: [
      {
        file: 'edge-agent/buffer/rows.ts',
        search: 'const oldest = selectOfClass.all(',
        replace: 'for (const tell of owed.splice(0)) tell(draft);\n      const oldest = selectOfClass.all(',
      },
      {
        file: 'edge-agent/buffer/rows.ts',
        search: "putGap(draft, first, last, { reason: 'evicted', from: acceptedAt, to: acceptedAt }, at);",
        replace:
          "owed.push((next) => putGap(next, first, last, { reason: 'evicted', from: acceptedAt, to: acceptedAt }, at));",
      },
      {
        file: 'edge-agent/buffer/rows.ts',
        search: 'const put = db.prepare(',
        replace: 'const owed: ((draft: Meta) => void)[] = [];\n  const put = db.prepare(',
      },
    ],
    run: [...embedded, '--scenario', 'full-buffer'],
  },
  {
    name: 'the agent sends what it has, whatever the hub allows',
    edits: [{ file: conversation, search: 'frames.room(window)', replace: 'frames.room(1000)' }],
    run: [...embedded, '--scenario', 'narrow-window'],
  },
  {
    name: 'what cannot be stored is not listed',
    edits: [
      {
        file: 'hub/ledger/settling.ts',
        search: 'for (const letter of deadLetters) {',
        replace: 'for (const letter of deadLetters.slice(1)) {',
      },
    ],
    run: [...embedded, '--scenario', 'clock'],
  },
];

/** Holds the evidence against the invariants of the delivery protocol. Finds; does not judge what to do about it. */
import { type BufferEvidence, type LedgerStream, type ReadStored, type StoredSample, sha256 } from './evidence.ts';
import { msOff } from './truth.ts';

export interface Findings {
  accepted: number;
  stored: number;
  duplicates: number;
  missing: number;
  /** Listed numbers by reason. */
  declared: Record<string, number>;
  /** Samples that differ from what was accepted, or from what the field showed. */
  wrong: number;
  /** One sentence per broken invariant and stream. */
  broken: string[];
}

/** A stored sample as it was read while the run went on. */
export interface EarlierRead {
  readonly stream: number;
  readonly number: number;
  readonly time: number;
  readonly value: unknown;
}

export interface CheckedAgent {
  readonly id: string;
  readonly index: number;
  readonly buffer: BufferEvidence;
  /** Copies of its buffer from before it was harmed: what it had accepted by then. */
  readonly earlier?: readonly BufferEvidence[];
}

/** What a run may cost: by the faults that it inflicts. */
export interface Legal {
  /** Reasons of dead letters. */
  readonly deadLetters?: readonly string[];
  /** Reasons of gaps. A stream that ends nobody knows where counts as `end unknown`. */
  readonly gaps?: readonly string[];
  /** Tags of an epoch may be lost before the hub has heard of them: its samples are listed as of unknown tags. */
  readonly lostTags?: boolean;
  /** By how much an agent's clock was off at some time, ms. */
  readonly clockOffsetsMs?: readonly number[];
}

/** A request that was under way while its agent was paused has a time in the middle of the pause. */
const maxMsOff = 12_000;

export async function check(
  streams: readonly LedgerStream[],
  agents: readonly CheckedAgent[],
  readStored: ReadStored,
  { legal = {}, shown = [] }: { legal?: Legal | undefined; shown?: readonly EarlierRead[] } = {},
): Promise<Findings> {
  const findings: Findings = { accepted: 0, stored: 0, duplicates: 0, missing: 0, declared: {}, wrong: 0, broken: [] };
  for (const agent of agents) {
    const own = streams.filter((stream) => stream.agent === agent.id);
    if (!own.some(({ epoch }) => epoch === agent.buffer.epoch) && agent.buffer.next > 1) {
      findings.broken.push(`I1 ${agent.id}: the hub does not know its stream`);
    }
    for (const { epoch, next } of agent.earlier ?? []) {
      if (next > 1 && !own.some((stream) => stream.epoch === epoch)) {
        findings.broken.push(
          `I1 ${agent.id}: the hub never heard of epoch ${epoch}, which had given ${next - 1} numbers`,
        );
      }
    }
    for (const stream of own) {
      const samples = await readStored(stream.number);
      checkStream(stream, agent, samples, findings, legal);
      const changed = changedSince(
        shown.filter((read) => read.stream === stream.number),
        samples,
        stream.gaps,
      );
      if (changed) findings.broken.push(`I9 ${agent.id}, stream ${stream.number}: ${changed}`);
    }
  }
  return findings;
}

/** What has once been read is there for good, or listed: a store may have been put back. */
function changedSince(
  shown: readonly EarlierRead[],
  samples: readonly StoredSample[],
  gaps: LedgerStream['gaps'],
): string | undefined {
  if (shown.length === 0) return undefined;
  const byNumber = new Map(samples.map((sample) => [sample.number, sample]));
  for (const { number, time, value } of shown) {
    const now = byNumber.get(number);
    if (!now && gaps.some(({ first, last }) => first <= number && number <= (last ?? number))) continue;
    if (!now) return `number ${number} was read and is there no more`;
    if (now.time !== time) return `number ${number} had the time ${time} and has ${now.time}`;
    if (String(now.value) !== String(value)) return `number ${number} had the value ${value} and has ${now.value}`;
  }
  return undefined;
}

function checkStream(
  stream: LedgerStream,
  { id, index, buffer, earlier = [] }: CheckedAgent,
  samples: readonly StoredSample[],
  findings: Findings,
  { deadLetters = [], gaps = [], lostTags = false, clockOffsetsMs = [0] }: Legal,
): void {
  const broken = (invariant: string, what: string) =>
    findings.broken.push(`${invariant} ${id}, stream ${stream.number}: ${what}`);
  const isCurrent = stream.epoch === buffer.epoch;

  // Of an epoch that is over there are the copies from before the harm, and what the hub has settled since.
  const known = earlier.filter(({ epoch }) => epoch === stream.epoch).map(({ next }) => next - 1);
  const readable = earlier.filter(({ epoch }) => epoch === stream.epoch).flatMap((copy) => copy.readable ?? []);
  const last = isCurrent ? buffer.next - 1 : Math.max(stream.through, ...known);
  const seen = new Uint8Array(last + 1);
  let duplicates = 0;
  for (const { number } of samples) {
    if (number < 1 || number > last) broken('I1', `number ${number} is stored and was never given out`);
    else if (seen[number]!++ > 0) duplicates += 1;
  }
  for (const { number, reason } of stream.deadLetters) {
    if (seen[number]) broken('I2', `number ${number} is stored and a dead letter`);
    seen[number] = 1;
    findings.declared[reason] = (findings.declared[reason] ?? 0) + 1;
  }
  const isLostTag = (reason: string) => lostTags && reason === 'unknown tag' && stream.pathByTag.size === 0;
  const illegal = stream.deadLetters.filter(({ reason }) => !deadLetters.includes(reason) && !isLostTag(reason));
  if (illegal[0]) broken('I3', `${illegal.length} dead letters, as ${illegal[0].reason}`);
  for (const { first, last: end, reason } of stream.gaps) {
    const why = end === null ? 'end unknown' : reason;
    if (!gaps.includes(why)) broken('I5', `numbers from ${first} are a gap: ${why}`);
    const left = readable.find((run) => first <= run.first && run.last <= (end ?? last));
    if (left) broken('I5', `numbers from ${left.first} could be read of the harmed file, and are a gap: ${why}`);
    for (let number = first; number <= (end ?? last); number++) {
      if (seen[number]) broken('I2', `number ${number} is in a gap, and stored or a dead letter`);
      seen[number] = 1;
      findings.declared[why] = (findings.declared[why] ?? 0) + 1;
    }
  }
  let missing = 0;
  for (let number = 1; number <= last; number++) if (!seen[number]) missing += 1;
  findings.accepted += last;
  findings.stored += samples.length - duplicates;
  findings.duplicates += duplicates;
  findings.missing += missing;
  if (missing > 0) broken('I1', `${missing} of ${last} numbers are neither stored nor listed`);
  if (duplicates > 0) broken('I2', `${duplicates} numbers are stored twice`);

  const wrong = countWrong(samples, stream, index, clockOffsetsMs) + countChanged(samples, stream);
  findings.wrong += wrong;
  if (wrong > 0) broken('I3', `${wrong} samples are not what was accepted`);

  if (isCurrent) {
    if (buffer.acked > stream.through) broken('I4', `agent released ${buffer.acked}, hub settled ${stream.through}`);
    if (buffer.minRetained > buffer.acked + 1)
      broken('I5', `agent keeps from ${buffer.minRetained}, settled ${buffer.acked}`);
    if (stream.through !== buffer.next - 1) broken('I10', `not drained: ${stream.through} of ${buffer.next - 1}`);
    for (const gap of buffer.gaps) {
      const isTold = stream.gaps.some(({ first, last }) => first <= gap.first && gap.last <= (last ?? gap.last));
      if (!isTold && gap.last <= stream.through)
        broken('I5', `a gap from ${gap.first} of the agent is unknown to the hub`);
    }
    const byFirst = new Map(stream.batches.map((batch) => [batch.first, batch]));
    for (const frame of buffer.frames) {
      const batch = byFirst.get(frame.first);
      if (batch && batch.last === frame.last && batch.hash !== frame.contentHash) {
        broken('I8', `frame ${frame.first} differs between agent and ledger`);
      }
    }
  }
  const hole = firstHole(stream);
  if (hole !== undefined) broken('I7', `batches and gaps do not tile 1…${stream.through}: at ${hole}`);
}

/** Against what the field showed. */
function countWrong(
  samples: readonly StoredSample[],
  { pathByTag }: LedgerStream,
  agent: number,
  clockOffsetsMs: readonly number[],
): number {
  let wrong = 0;
  for (const { tag, time, value, quality } of samples) {
    const path = pathByTag.get(tag);
    if (path === undefined) wrong += 1;
    if (!path?.startsWith('field/tag-')) continue;
    const isBad = quality >= 0x80000000;
    if (isBad !== (value === null)) wrong += 1;
    if (value === null) continue;
    const tagIndex = Number(path.slice('field/tag-'.length));
    const isTrue = (clockOffMs: number) => {
      const off = msOff(Number(value), agent, tagIndex, time - clockOffMs * 1000);
      return off !== undefined && off <= maxMsOff;
    };
    if (!clockOffsetsMs.some(isTrue)) wrong += 1;
  }
  return wrong;
}

/** Against the hash of what was accepted, of every frame that is stored whole. */
function countChanged(samples: readonly StoredSample[], { batches, deadLetters }: LedgerStream): number {
  const listed = new Set(deadLetters.map(({ number }) => number));
  let at = 0;
  let wrong = 0;
  for (const { first, last, hash } of batches) {
    while (at < samples.length && samples[at]!.number < first) at += 1;
    const from = at;
    while (at < samples.length && samples[at]!.number <= last) at += 1;
    let whole = true;
    for (let number = first; number <= last && whole; number++) whole = !listed.has(number);
    if (whole && sha256(canonical(samples.slice(from, at))) !== hash) wrong += at - from;
  }
  return wrong;
}

/** The text that a frame holds: columns, times and tags as differences, quality and flags where they change. */
function canonical(samples: readonly StoredSample[]): string {
  const changes = (key: 'quality' | 'flags') => {
    const found = samples.flatMap((sample, i) =>
      sample[key] === (samples[i - 1]?.[key] ?? 0) ? [] : [[i, sample[key]]],
    );
    return found.length > 0 ? found : undefined;
  };
  const big = samples.flatMap(({ value }, i) => (typeof value === 'bigint' ? [[i, String(value)]] : []));
  return JSON.stringify({
    t: samples.map(({ time }, i) => time - (samples[i - 1]?.time ?? 0)),
    g: samples.map(({ tag }, i) => tag - (samples[i - 1]?.tag ?? 0)),
    v: samples.map(({ value }) => (typeof value === 'bigint' ? 0 : value)),
    q: changes('quality'),
    f: changes('flags'),
    x: big.length > 0 ? big : undefined,
  });
}

function firstHole({ through, batches, gaps }: LedgerStream): number | undefined {
  // One that ends nobody knows where lies beyond what is settled.
  const tiles = [...batches, ...gaps.flatMap(({ first, last }) => (last === null ? [] : [{ first, last }]))];
  let expected = 1;
  for (const { first, last } of tiles.sort((a, b) => a.first - b.first)) {
    if (first !== expected) return expected;
    expected = last + 1;
  }
  return expected === through + 1 ? undefined : expected;
}

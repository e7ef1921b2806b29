/** What works and still wants a person: shown by /healthz, /readyz, `payesh-hub status` and as metrics. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BesideIngest } from './beside-ingest.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { Ledger } from './ledger/ledger.ts';

export interface WarningSources {
  readonly clockWatch: Pick<ClockWatch, 'warnings'>;
  readonly beside: Pick<BesideIngest, 'warnings'>;
  readonly ledger: Pick<Ledger, 'streams' | 'quarantines'>;
  /** Of the embedded store. */
  readonly samplesDir: string;
}

const manyDeadLetters = 100_000;
const count = (value: number): string => value.toLocaleString('en');

export function createWarnings({ clockWatch, beside, ledger, samplesDir }: WarningSources): () => readonly string[] {
  return () => {
    const found = [...clockWatch.warnings(), ...beside.warnings()];
    const quarantined = [...ledger.quarantines().keys()];
    if (quarantined.length > 0)
      found.push(`${count(quarantined.length)} agents are in quarantine: "payesh-hub quarantine list"`);
    const letters = ledger.streams().reduce((sum, { deadLetters }) => sum + deadLetters, 0);
    if (letters > manyDeadLetters)
      found.push(`${count(letters)} samples are dead letters: "payesh-hub dead-letters list <agent>"`);
    const { files, bytes } = damagedIn(samplesDir);
    if (files > 0)
      found.push(
        `${count(files)} damaged files (${count(Math.ceil(bytes / 1024 ** 2))} MB) are kept in samples/damaged: once "payesh-hub verify" proves every stream and nobody wants to look into them, delete them`,
      );
    return found;
  };
}

/** Segments that were set aside. */
export function damagedIn(samplesDir: string): { readonly files: number; readonly bytes: number } {
  const dir = join(samplesDir, 'damaged');
  try {
    const sizes = readdirSync(dir).map((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0);
    return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  } catch {
    return { files: 0, bytes: 0 };
  }
}

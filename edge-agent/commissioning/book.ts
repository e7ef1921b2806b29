/**
 * The commissioning book: every signed sheet of this agent, one file each, and what they say of a tag. The command writes
 * into it beside the running agent, which finds new sheets by itself.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { faultOfSheet, isProof, type SignedSheet, signedSheetSchema } from '../../protocols/commissioning.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { writeDurably } from '../config/durable-file.ts';
import { type Declared, declaredKey } from './declared.ts';

export interface Commissioned {
  readonly at: TimeUs;
  /** The technician. */
  readonly by: string;
  /** Its hash. */
  readonly sheet: string;
}

export interface CommissioningBook {
  /** Who has accepted this tag of this site, as it is declared now. The newest sheet counts. */
  of(site: string, tag: Declared): Commissioned | undefined;
  /** Oldest first. */
  sheets(): readonly SignedSheet[];
  /** By its hash, or the first digits of it that no other has. */
  find(hash: string): SignedSheet | undefined;
  /** Files that are no sheets, or not as they were signed. */
  damaged(): readonly string[];
  /** Durable when it returns. */
  keep(sheet: SignedSheet): void;
}

/** How often a running agent looks whether there are new sheets. */
const lookMs = 1000;

/** A sheet that is not as it was signed says nothing: its tags are not commissioned. */
export function openCommissioningBook(dataDir: string): CommissioningBook {
  const folder = join(dataDir, 'commissioning', 'sheets');
  const sheets = new Map<string, SignedSheet>();
  const damaged = new Set<string>();
  const newest = new Map<string, { readonly proof: boolean; readonly commissioned: Commissioned }>();
  let lookedAt = Number.NEGATIVE_INFINITY;

  const take = (signed: SignedSheet): void => {
    sheets.set(signed.hash, signed);
    const { technician, finishedAt: at, rows, site } = signed.sheet;
    for (const row of rows) {
      const proof = isProof(row);
      const key = keyOf(site, row);
      const known = newest.get(key);
      if (proof === undefined || (known && known.commissioned.at > at)) continue;
      newest.set(key, { proof, commissioned: { at, by: technician.name, sheet: signed.hash } });
    }
  };
  const look = (): void => {
    if (performance.now() - lookedAt < lookMs) return;
    lookedAt = performance.now();
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder)) {
      const [, hash] = /^([0-9a-f]{64})\.json$/.exec(name) ?? [];
      if (hash === undefined || sheets.has(hash) || damaged.has(name)) continue;
      const signed = read(join(folder, name), hash);
      if (signed) take(signed);
      else damaged.add(name);
    }
  };
  const inOrder = () => [...sheets.values()].sort((a, b) => a.sheet.finishedAt - b.sheet.finishedAt);
  look();

  return {
    of(site, tag) {
      look();
      const found = newest.get(keyOf(site, tag));
      return found?.proof ? found.commissioned : undefined;
    },
    sheets() {
      look();
      return inOrder();
    },
    find(hash) {
      look();
      const found = inOrder().filter((signed) => signed.hash.startsWith(hash));
      return found.length === 1 ? found[0] : undefined;
    },
    damaged() {
      look();
      return [...damaged].map((name) => join(folder, name));
    },
    keep(signed) {
      writeDurably(join(folder, `${signed.hash}.json`), `${JSON.stringify(signed)}\n`, 0o640);
      take(signed);
    },
  };
}

const keyOf = (site: string, tag: Declared): string => `${site} ${declaredKey(tag)}`;

/** undefined when the file is damaged or not as it was signed. */
function read(file: string, hash: string): SignedSheet | undefined {
  try {
    const signed = signedSheetSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return signed.hash === hash && faultOfSheet(signed) === undefined ? signed : undefined;
  } catch {
    return undefined;
  }
}

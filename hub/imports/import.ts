/** What an import is asked for, how far it is, and what came of it. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Said } from '../words.ts';

export const importKinds = ['samples', 'entries'] as const;
export type ImportKind = (typeof importKinds)[number];
export const importFormats = ['csv', 'parquet'] as const;

export interface ImportRequest {
  readonly kind: ImportKind;
  readonly format: (typeof importFormats)[number];
  readonly site: string;
  /** Of the file, as who sent it calls it. */
  readonly name: string;
  readonly bytes: number;
  /** 64 hex digits: the file's identity. */
  readonly sha256: string;
  /** IANA name, for wall times without an offset; absent is the site's. */
  readonly zone?: string | undefined;
  /** How long a sample is the truth where the next row comes later, µs. */
  readonly holdUs: number;
  /** Rows that the sender has counted, for progress. */
  readonly rowsGuessed: number;
}

/**
 * `receiving` the file; `checking` every row; `checked`: a dry run ends here; `writing` samples or entries; `done`;
 * `failed` with nothing changed; `undone`: what it brought counts no more.
 */
export type ImportState = 'receiving' | 'checking' | 'checked' | 'writing' | 'done' | 'failed' | 'undone';

export interface Outcome {
  readonly rows: number;
  readonly taken: number;
  /** They say what is stored already, or what another row of the file says. */
  readonly known: number;
  /** By kind of reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Times of the first and the last row that is taken. */
  readonly from: TimeUs | null;
  readonly to: TimeUs | null;
  /** In the ledger: the samples that are taken, and those that say when they are known. */
  readonly numbers: number;
  readonly tags: number;
}

export interface Import {
  /** 32 hex digits; the epoch of its stream. */
  readonly id: string;
  readonly request: ImportRequest;
  readonly who: string;
  readonly createdAt: TimeUs;
  readonly dryRun: boolean;
  readonly state: ImportState;
  /** Bytes of the file that have come. */
  readonly received: number;
  /** null until every row is checked. */
  readonly outcome: Outcome | null;
  /** Number of its stream in the ledger; null before, and of entries. */
  readonly stream: number | null;
  readonly endedAt: TimeUs | null;
  /** Why it failed, or, in somebody's own words, was undone. */
  readonly why: Said | null;
}

/** What is proved of a stream, and what was found: a row of numbers, and an answer to each invariant. */
export interface InvariantResult {
  readonly id: string;
  readonly name: string;
  readonly ok: boolean;
  /** What was found; names the first number that breaks it. */
  readonly detail: string;
}

export interface StreamProof {
  readonly stream: number;
  readonly agent: string;
  readonly epoch: string;
  readonly through: number;
  /** Deleted by retention since, up to this number. */
  readonly expired: number;
  /** Up to this number it is another ledger's. */
  readonly inherited: number;
  /** How many numbers behind it are another ledger's. */
  readonly elsewhere: number;
  readonly stored: number;
  readonly deadLetters: number;
  readonly gapNumbers: number;
  /** Numbers of a closed stream that are stored beyond `through`: never acknowledged, and nothing more will come. */
  readonly beyond: number;
  readonly framesCompared: number;
  readonly frames: number;
  readonly invariants: readonly InvariantResult[];
}

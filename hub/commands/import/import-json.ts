/** An import as the hub tells it. */

export interface ImportJson {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly who: string;
  readonly created_at: string;
  readonly dry_run: boolean;
  readonly state: 'receiving' | 'checking' | 'checked' | 'writing' | 'done' | 'failed' | 'undone';
  readonly received: number;
  readonly progress: number;
  readonly step: string;
  readonly outcome: {
    readonly rows: number;
    readonly taken: number;
    readonly known: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly from: string | null;
    readonly to: string | null;
  } | null;
  readonly why: string | null;
}

/** A bench of the whole chain in front of either store: `NAME-embedded` and `NAME-influx`, each in a folder of its own. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, BenchContext, Figure } from './bench.ts';

export interface StoreBenchContext extends Pick<BenchContext, 'progress'> {
  readonly folder: string;
}

export function onEitherStore(
  prefix: string,
  run: (name: string, store: 'duckdb' | 'influx', context: StoreBenchContext) => AsyncGenerator<Figure>,
): readonly [embedded: Bench, influx: Bench] {
  const on = (name: string, store: 'duckdb' | 'influx'): Bench => ({
    names: [name],
    run({ dir, progress }) {
      const folder = join(dir, name);
      mkdirSync(folder);
      return run(name, store, { folder, progress });
    },
  });
  return [on(`${prefix}-embedded`, 'duckdb'), on(`${prefix}-influx`, 'influx')];
}

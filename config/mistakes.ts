/** All mistakes of a file at once: whoever corrects a list of hundreds of rows shall not have to begin anew for each. */
import { ConfigError } from '../protocols/errors.ts';

/** More than this in one file have one cause. */
const toldMistakes = 20;

export interface Mistakes {
  /** Does the work; a ConfigError that it ends with is kept. */
  of(work: () => void): void;
  /** @throws {ConfigError} the first, with the others beside it. */
  throwAny(): void;
}

export function collectMistakes(): Mistakes {
  const found: ConfigError[] = [];
  return {
    of(work) {
      try {
        work();
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        found.push(error);
      }
    },
    throwAny() {
      const [first, ...others] = found;
      if (first) throw together(first, others);
    },
  };
}

function together(first: ConfigError, others: readonly ConfigError[]): ConfigError {
  const told = others.slice(0, toldMistakes - 1);
  const more = others.length - told.length;
  const last = new ConfigError(`${more} more mistakes in the same file`, {
    path: first.path.replace(/:\d.*$/, ''),
    hint: 'Correct these first: they often have one cause.',
  });
  const { path, hint, cause } = first;
  return new ConfigError(first.message, { path, hint, cause, others: more > 0 ? [...told, last] : told });
}

/** Reports what the server would, where it has no filter for it: by change beyond a deadband, or of the status only. */
import type { SampleValue } from '../sample.ts';

export interface Sieve {
  passes(value: SampleValue, quality: number): boolean;
}

/** @param width smallest difference from the last value that passed; what is no number passes when it differs. */
export function createSieve(width: number, statusOnly: boolean): Sieve {
  let lastValue: SampleValue | undefined;
  let lastQuality = -1;
  return {
    passes(value, quality) {
      const isSame =
        quality === lastQuality &&
        (statusOnly ||
          value === lastValue ||
          (typeof value === 'number' && typeof lastValue === 'number' && Math.abs(value - lastValue) < width));
      if (isSame) return false;
      lastValue = value;
      lastQuality = quality;
      return true;
    },
  };
}

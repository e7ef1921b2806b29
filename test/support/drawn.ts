/**
 * What tests draw their cases with: the same cases in every run, so that a red run speaks of the change and of nothing
 * else. `PAYESH_SEED=random npm test` goes looking for others, and a number plays a run's cases again.
 */
import fc from 'fast-check';

const asked = process.env.PAYESH_SEED ?? '1';
export const seed = asked === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(asked);
if (!Number.isInteger(seed)) throw new Error(`PAYESH_SEED is a whole number or "random", not "${asked}"`);
fc.configureGlobal({ seed });

export { fc };

import type { Stream } from './ledger.ts';

/** Whether what is settled of a stream is another history than its agent's. It is not where the stream has gone back since. */
export const isParted = ({ partedAfter, through }: Pick<Stream, 'partedAfter' | 'through'>): boolean =>
  partedAfter !== null && through > partedAfter;

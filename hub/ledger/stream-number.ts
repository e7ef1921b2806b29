/**
 * A stream's number follows from whose it is: the same samples get the same place in the store whichever ledger numbers
 * them, a restored one, a new one, or that of the hub to which the agent has moved. A late write of an old owner is then
 * a rewrite of the same points, and no number is ever given to another stream.
 */
import { createHash } from 'node:crypto';

/** 48 bits: exact in a double and in every store; two of a million streams share one with a chance of 1 in 560. */
export const streamNumberOf = (agent: string, epoch: string): number =>
  1 + createHash('sha256').update(`${agent} ${epoch}`).digest().readUIntBE(0, 6);

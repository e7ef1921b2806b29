/** A stream that greets for the first time. */
import { RejectedError } from '../../protocols/errors.ts';
import type { Stream } from './ledger.ts';

export const newStream = (number: number, agent: string, epoch: string, inherited: number): Stream => ({
  number,
  agent,
  epoch,
  through: inherited,
  expired: inherited,
  inherited,
  manifestRevision: 0,
  hello: null,
  helloAt: null,
  lastAcceptedAt: null,
  settledAt: null,
  samples: 0,
  deadLetters: 0,
  closedAt: null,
  partedAfter: null,
  withdrawnAt: null,
});

export const collision = ({ agent, number }: Stream, by: string): RejectedError =>
  new RejectedError(`stream ${number} is one of agent ${agent} already: give ${by} a new buffer, and so a new epoch`, {
    reason: 'collision',
  });

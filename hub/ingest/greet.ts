/**
 * Answers a hello: finds or opens the stream, settles what the agent has released and this ledger does not know, and says
 * from where to go on. An agent that gets no welcome asks again.
 */
import { ConnectionError, RejectedError } from '../../protocols/errors.ts';
import type { Ack, Hello } from '../../protocols/messages.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Ledger, LedgerPages, Stream } from '../ledger/ledger.ts';
import { isWaitedOut } from '../ledger/waited-out.ts';
import { adoptFromStore } from '../proof/adopt.ts';
import type { TelemetryStore } from '../store/store.ts';
import type { Identities } from './identity.ts';

export interface GreeterOptions {
  readonly ledger: Ledger;
  readonly identities: Identities;
  readonly store: { account: TelemetryStore['account']; reader: Pick<TelemetryStore['reader'], 'samplesByNumber'> };
  /** Up to which number another hub's ledger has settled the stream; 0 where none is known. */
  settledElsewhere(agent: string, epoch: string): number;
  /** In whatever ledger it is. */
  readonly frameAt: LedgerPages['frameAt'];
  /** Makes the agent's frames come here; a promise where that takes a moment. */
  follow(agent: string): void | Promise<void>;
  readonly owns: (agent: string) => boolean;
  reply(agent: string, ack: Omit<Ack, 'window' | 'hubBoot'>): void;
  fault(agent: string, kind: string): void;
  readonly now: () => TimeUs;
  /** Ends what takes longer. */
  readonly signal: AbortSignal;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

const unknownReason = 'released before the ledger knew';

export function createGreeter(options: GreeterOptions): (agent: string, hello: Hello) => void {
  const { ledger, identities, store, reply, fault, now, signal, log } = options;
  /** Agents whose greeting is not answered yet: one answer will do. */
  const underWay = new Set<string>();

  const settleReleased = async (agent: string, stream: Stream, last: number) => {
    const { number, through } = stream;
    log.error(
      { agent, stream: number, first: through + 1, last, alarm: 'LEDGER_BEHIND' },
      'the agent has released numbers that the ledger does not know; taken from the store, the rest listed as a gap',
    );
    const { highest } = await store.account(signal);
    if ((highest.get(number) ?? 0) <= through) return ledger.declareGap(number, last, unknownReason, now());
    await adoptFromStore({ ledger, reader: store.reader, stream, last, gapReason: unknownReason, now }, signal);
  };

  const welcome = (agent: string, stream: Stream, { next, compare }: Hello, answer: number) => {
    const { number, epoch, through, manifestRevision } = stream;
    log.info({ agent, stream: number, through, next }, 'agent greeted');
    const frames = [through, ...(compare ?? [])].flatMap((each) => options.frameAt(number, each) ?? []);
    reply(agent, { epoch, kind: 'welcome', through, manifestRevision, frames, compared: compare, answer });
  };

  const open = (agent: string, hello: Hello): Stream | undefined => {
    try {
      return ledger.greet(agent, hello, now(), options.settledElsewhere(agent, hello.epoch));
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      log.error({ err: error, agent, alarm: 'STREAM_COLLISION' }, 'nothing of this agent is taken');
      fault(agent, error.reason);
    }
  };

  /** Whatever can be said at once is; the promise is of what cannot. */
  const answer = (agent: string, hello: Hello): void | Promise<void> => {
    // Another hub may have taken it over meanwhile.
    if (!options.owns(agent)) return;
    const { answer, isProven } = identities.greeted(agent, hello);
    if (identities.quarantined(agent)) {
      const through = ledger.stream(agent, hello.epoch)?.through ?? 0;
      return reply(agent, { epoch: hello.epoch, kind: 'nack', through, reason: 'identity' });
    }
    if (!isProven) return reply(agent, { epoch: hello.epoch, kind: 'nack', through: 0, reason: 'hello', answer });
    const stream = open(agent, hello);
    if (!stream) return;
    if (hello.minRetained <= stream.through + 1) return welcome(agent, stream, hello, answer);
    return settleReleased(agent, stream, hello.minRetained - 1).then(() => welcome(agent, stream, hello, answer));
  };

  return (agent, hello) => {
    if (underWay.has(agent)) return;
    const following = options.follow(agent);
    const answering = following ? following.then(() => answer(agent, hello)) : answer(agent, hello);
    if (!answering) return;
    underWay.add(agent);
    answering
      .catch((error: unknown) => {
        if (!(error instanceof ConnectionError) && !isWaitedOut(error) && !signal.aborted) throw error;
        if (!signal.aborted) log.warn({ err: error, agent }, 'the agent cannot be greeted yet; it will ask again');
      })
      .finally(() => underWay.delete(agent));
  };
}

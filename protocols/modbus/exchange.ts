/**
 * One request and what becomes of it. It has its own timer: modbus-serial has none unless told, and what comes after
 * the time is up must not find the request still waiting.
 */
import { createPort, type PortEvents } from './port.ts';
import type { Table } from './table.ts';
import type { Transport } from './transport.ts';

/** What is asked for: registers or bits from an address on. */
export interface Span {
  readonly table: Table;
  readonly address: number;
  readonly count: number;
}

export type Outcome =
  | { readonly kind: 'data'; readonly data: Buffer }
  /** The device refused: an exception code of Modbus 7. */
  | { readonly kind: 'exception'; readonly code: number }
  /** No reply in time. */
  | { readonly kind: 'silence' }
  /** Something came that is not the reply. */
  | { readonly kind: 'garbage' }
  /** The other side closed the connection instead. */
  | { readonly kind: 'closed' };

/** The device read its registers between these two, which are of the monotonic clock: nobody sets that. */
export type Reply = Outcome & {
  /** When the request left, after all waiting for its turn. */
  readonly sentAtMs: number;
  /** When the first byte came back; where none did, when the waiting ended. */
  readonly heardAtMs: number;
};

export interface Exchange {
  /** One at a time. @throws the transport's reason when it is closed. */
  ask(unit: number, span: Span, timeoutMs: number): Promise<Reply>;
}

/** `onUnasked`: what came belongs to no request that is waiting, now or beside a proper reply. */
export function createExchange(
  transport: Transport,
  events: Pick<PortEvents, 'onBytes' | 'onDoubt'> & { onUnasked(): void },
): Exchange {
  const { closed } = transport;
  let heardAtMs: number | undefined;
  let settle: ((outcome: Outcome) => void) | undefined;
  let abandon: ((reason: unknown) => void) | undefined;
  closed.addEventListener('abort', () => abandon?.(closed.reason), { once: true });
  const { client, framing } = createPort(transport, {
    onBytes() {
      heardAtMs ??= performance.now();
      events.onBytes();
    },
    onDoubt: events.onDoubt,
    onGarbage() {
      if (settle) settle({ kind: 'garbage' });
      else events.onUnasked();
    },
  });

  return {
    async ask(unit, { table, address, count }, timeoutMs) {
      closed.throwIfAborted();
      let timer: NodeJS.Timeout | undefined;
      heardAtMs = undefined;
      const sentAtMs = performance.now();
      try {
        const outcome = await new Promise<Outcome>((resolve, reject) => {
          settle = resolve;
          abandon = reject;
          timer = setTimeout(resolve, timeoutMs, { kind: 'silence' });
          const done = (error: RefusalError | null, reply: { buffer: Buffer } | undefined) =>
            resolve(reply ? { kind: 'data', data: reply.buffer } : refusal(error));
          if (table === 'coil') client.writeFC1(unit, address, count, done);
          else if (table === 'discrete') client.writeFC2(unit, address, count, done);
          else if (table === 'holding') client.writeFC3(unit, address, count, done);
          else client.writeFC4(unit, address, count, done);
        });
        return { ...outcome, sentAtMs, heardAtMs: heardAtMs ?? performance.now() };
      } finally {
        clearTimeout(timer);
        settle = undefined;
        abandon = undefined;
        const isClean = framing.isClean;
        framing.forget();
        if (!isClean) events.onUnasked();
      }
    },
  };
}

type RefusalError = Error & { readonly modbusCode?: number };
const refusal = (error: RefusalError | null): Outcome =>
  error?.modbusCode === undefined ? { kind: 'garbage' } : { kind: 'exception', code: error.modbusCode };

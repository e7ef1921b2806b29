/**
 * One request and what becomes of it. It has its own timer: modbus-serial has none unless told, and what comes after
 * the time is up must not find the request still waiting.
 */
import { createPort } from './port.ts';
import type { Table } from './table.ts';
import type { Transport } from './transport.ts';

/** What is asked for: registers or bits from an address on. */
export interface Span {
  readonly table: Table;
  readonly address: number;
  readonly count: number;
}

export type Reply =
  | { readonly kind: 'data'; readonly data: Buffer }
  /** The device refused: an exception code of Modbus 7. */
  | { readonly kind: 'exception'; readonly code: number }
  /** No reply in time. */
  | { readonly kind: 'silence' }
  /** Something came that is not the reply. */
  | { readonly kind: 'garbage' };

export interface Exchange {
  /** One at a time. @throws the transport's reason when it is closed. */
  ask(unit: number, span: Span, timeoutMs: number): Promise<Reply>;
}

/** `onBytes`: something came. `onUnasked`: it belongs to no request that is waiting, now or beside a proper reply. */
export function createExchange(transport: Transport, events: { onBytes(): void; onUnasked(): void }): Exchange {
  const { closed } = transport;
  let settle: ((reply: Reply) => void) | undefined;
  let abandon: ((reason: unknown) => void) | undefined;
  closed.addEventListener('abort', () => abandon?.(closed.reason), { once: true });
  const { client, framing } = createPort(transport, {
    onBytes: events.onBytes,
    onGarbage() {
      if (settle) settle({ kind: 'garbage' });
      else events.onUnasked();
    },
  });

  return {
    async ask(unit, { table, address, count }, timeoutMs) {
      closed.throwIfAborted();
      let timer: NodeJS.Timeout | undefined;
      try {
        return await new Promise<Reply>((resolve, reject) => {
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
const refusal = (error: RefusalError | null): Reply =>
  error?.modbusCode === undefined ? { kind: 'garbage' } : { kind: 'exception', code: error.modbusCode };

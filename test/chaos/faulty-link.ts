/**
 * A TCP relay that can spoil what passes: cut, reset, fall silent while its connections stay open, be slow, lose the
 * replies, or change a byte. Faults hold for all its connections, and for those that come while they last.
 */
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import type { InFlight } from './in-flight.ts';

export type LinkFault =
  /** Connections are closed, new ones refused. */
  | { readonly kind: 'cut' }
  /** Connections end with RST, new ones are let through. */
  | { readonly kind: 'reset' }
  /** Nothing passes and nothing is closed; what comes is lost, so that the connections are dead after healing too. */
  | { readonly kind: 'half-open' }
  /** What comes from this side is lost, and the other direction passes. */
  | { readonly kind: 'one-way'; readonly lost: 'near' | 'far' }
  /** Every piece waits so long, and up to so much longer. */
  | { readonly kind: 'slow'; readonly latencyMs: number; readonly jitterMs: number }
  /** Requests pass; the first reply closes its connection instead of arriving. */
  | { readonly kind: 'replies-lost' }
  /** Every request is answered with this status, and its connection closed. */
  | { readonly kind: 'http-status'; readonly status: number }
  /** One byte of the next piece in each direction is changed. */
  | { readonly kind: 'corrupt' };

export interface FaultyLink extends AsyncDisposable {
  readonly port: number;
  inflict(fault: LinkFault): void;
  /** Ends this fault, unless another has taken its place; without one, whatever there is. */
  heal(which?: LinkFault): void;
  /** Listens on another address of this machine instead, on the same port. */
  moveTo(host: string): Promise<void>;
}

/** @param wire is told of what the near side has sent, before anything is spoilt, and of what is passed on to it. */
export async function startFaultyLink(
  targetPort: number,
  random: () => number,
  wire?: Pick<InFlight, 'connected'>,
): Promise<FaultyLink> {
  let fault: LinkFault | undefined;
  const pairs = new Set<{ near: Socket; far: Socket; dead: boolean; deaf: Set<Socket>; corrupted: Set<Socket> }>();

  const join = (near: Socket) => {
    if (fault?.kind === 'cut') {
      near.resetAndDestroy();
      return;
    }
    const far = connect(targetPort, '127.0.0.1');
    const pair = { near, far, dead: false, deaf: new Set<Socket>(), corrupted: new Set<Socket>() };
    pairs.add(pair);
    const seen = wire?.connected();
    const end = () => {
      near.destroy();
      far.destroy();
      pairs.delete(pair);
    };
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay();
      from.on('error', end);
      from.on('close', end);
      let sendAt = 0;
      from.on('data', (piece) => {
        if (from === near) seen?.leaves(piece);
        if (pair.dead) return;
        if (fault?.kind === 'half-open') {
          pair.dead = true;
          return;
        }
        // A stream that lacks a piece is of no use: this direction stays lost.
        if (fault?.kind === 'one-way' && fault.lost === (from === near ? 'near' : 'far')) pair.deaf.add(from);
        if (pair.deaf.has(from)) return;
        if (fault?.kind === 'replies-lost' && from === far) return end();
        if (fault?.kind === 'http-status') {
          // Ended at the first piece of a request, whatever is still to come of it.
          if (from === near)
            near.end(`HTTP/1.1 ${fault.status} Not Now\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
          pair.dead = true;
          far.destroy();
          return;
        }
        if (fault?.kind === 'corrupt' && !pair.corrupted.has(from)) {
          pair.corrupted.add(from);
          piece[Math.floor(random() * piece.length)]! ^= 1 << Math.floor(random() * 8);
        }
        const wait = fault?.kind === 'slow' ? fault.latencyMs + random() * fault.jitterMs : 0;
        // Never overtakes the piece before.
        sendAt = Math.max(sendAt, performance.now() + wait);
        const send = () => {
          if (to === near) seen?.reaches(piece);
          if (!to.destroyed && !to.write(piece)) {
            from.pause();
            to.once('drain', () => from.resume());
          }
        };
        if (sendAt <= performance.now()) send();
        else setTimeout(send, sendAt - performance.now());
      });
    }
  };
  let server = createServer(join);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const { port } = server.address() as AddressInfo;
  return {
    port,
    inflict(next) {
      fault = next;
      for (const pair of pairs) {
        pair.corrupted.clear();
        if (next.kind === 'cut' || next.kind === 'reset') {
          pair.near.resetAndDestroy();
          pair.far.resetAndDestroy();
        }
      }
    },
    heal(which = fault) {
      if (fault === which) fault = undefined;
    },
    async moveTo(host) {
      server.close();
      server = createServer(join);
      await new Promise<void>((resolve) => server.listen(port, host, resolve));
    },
    async [Symbol.asyncDispose]() {
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A broker in memory that loses, doubles, holds back and reorders what passes between one agent and the hub. */
import type { UplinkHandlers, UplinkSession } from '../../edge-agent/forward/uplink.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { encodeManifest } from '../../protocols/manifest.ts';
import { type Ack, ackSchema, encodeMessage, type HubState, parseMessage } from '../../protocols/messages.ts';
import type { Random } from './random.ts';

export type Leaf = 'up/hello' | 'up/manifest' | 'up/data';

export interface Channel {
  connect(handlers: UplinkHandlers): UplinkSession;
  /** Ends the agent's connection. */
  cut(): void;
  /** To the agent, while it is connected. */
  acknowledge(payload: Uint8Array): void;
  /** Retained: whoever connects later hears it as well. */
  announce(state: HubState): void;
  /** What becomes of the messages that come next. */
  spoil(how: 'lose' | 'double' | 'hold', messages: number): void;
  /** Delivers what was held back, in any order. */
  letGo(): void;
  /** Whether something is held back. */
  readonly isHolding: boolean;
  /** Connections are refused while this is true. */
  down: boolean;
}

export interface ChannelOptions {
  readonly random: Random;
  /** A message has come to the hub. */
  toHub(leaf: Leaf, payload: Uint8Array): void;
}

export function createChannel({ random, toHub }: ChannelOptions): Channel {
  let current: { handlers: UplinkHandlers; hear(state: HubState): void; end(): void } | undefined;
  let retained: HubState | undefined;
  let spoilt: { how: 'lose' | 'double' | 'hold'; messages: number } | undefined;
  const held: (() => void)[] = [];

  const carry = (deliver: () => void) => {
    const fault = spoilt && spoilt.messages-- > 0 ? spoilt.how : undefined;
    if (fault === 'lose') return;
    if (fault === 'hold') held.push(deliver);
    else setImmediate(deliver);
    if (fault === 'double') setImmediate(deliver);
  };

  const channel: Channel = {
    get isHolding() {
      return held.length > 0;
    },
    down: false,
    connect(handlers) {
      if (channel.down) throw new ConnectionError('nobody there');
      current?.end();
      const { promise: closed, resolve } = Promise.withResolvers<Error | undefined>();
      let open = true;
      let followed: string | undefined;
      const session = {
        handlers,
        hear(state: HubState) {
          followed = state.hubBoot;
          handlers.onHubState(state);
        },
        end() {
          open = false;
          if (current === session) current = undefined;
          resolve(new ConnectionError('cut'));
        },
      };
      current = session;
      if (retained) {
        const state = retained;
        setImmediate(() => open && session.hear(state));
      }
      const send = async (leaf: Leaf, payload: Uint8Array) => {
        if (!open) throw new ConnectionError('not connected');
        // Its acknowledgement by the broker says nothing about what becomes of it.
        carry(() => toHub(leaf, payload));
      };
      return {
        hello: (hello) => send('up/hello', encodeMessage({ ...hello, hubBoot: followed })),
        async live() {},
        manifest: (manifest) => send('up/manifest', encodeManifest(manifest)),
        data: (frame) => send('up/data', frame),
        closed,
        async [Symbol.asyncDispose]() {
          session.end();
        },
      };
    },
    cut: () => current?.end(),
    acknowledge(payload) {
      const session = current;
      const ack = parseMessage<Ack>(ackSchema, payload);
      // Sessions are clean: what was for an earlier connection does not come to a later one.
      if (session && ack) carry(() => current === session && session.handlers.onAck(ack));
    },
    announce(state) {
      retained = state;
      const session = current;
      if (session) setImmediate(() => current === session && session.hear(state));
    },
    spoil(how, messages) {
      spoilt = { how, messages };
    },
    letGo() {
      for (; held.length > 0; ) setImmediate(held.splice(Math.floor(random.next() * held.length), 1)[0]!);
    },
  };
  return channel;
}

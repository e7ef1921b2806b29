/** The Uplink contract: one connection to the hub's broker. `forward.ts` decides what is sent when; this only carries. */
import type { Manifest } from '../../protocols/manifest.ts';
import type { Ack, Hello, HubState } from '../../protocols/messages.ts';

export interface UplinkHandlers {
  onAck(ack: Ack): void;
  onHubState(state: HubState): void;
}

export interface UplinkSession extends AsyncDisposable {
  /** Each resolves when the broker has the message, which says nothing about storage. @throws {ConnectionError} */
  hello(hello: Hello): Promise<void>;
  manifest(manifest: Manifest): Promise<void>;
  data(frame: Uint8Array): Promise<void>;
  /** For screens only, at QoS 0: neither stored nor acknowledged, and lost without a word. */
  live(frame: Uint8Array): Promise<void>;
  /** Settles when the connection has ended, with the reason if there was one. */
  readonly closed: Promise<Error | undefined>;
}

export interface Uplink {
  /** @throws {ConnectionError} when the broker is away or refuses. */
  connect(handlers: UplinkHandlers, signal: AbortSignal): Promise<UplinkSession>;
}

/**
 * The port under modbus-serial: the library makes the requests and reads the replies, this puts them on the wire in the
 * right framing and lets nothing up but the checked reply to the request that is waiting. The library's own numbering
 * of transactions stands still here, so what it looks up is always its last request.
 */
import { EventEmitter } from 'node:events';
import modbusSerial from 'modbus-serial';
import type { Framing } from './frame.ts';
import { createMbapFraming } from './frame-mbap.ts';
import { createRtuFraming } from './frame-rtu.ts';
import type { Transport } from './transport.ts';

const { default: ModbusClient } = modbusSerial;
export type Client = InstanceType<typeof ModbusClient>;

export interface Port {
  readonly client: Client;
  readonly framing: Framing;
}

export interface PortEvents {
  /** Something came. */
  onBytes(): void;
  /** It is not the reply that is waited for, or nothing is waited for. */
  onGarbage(): void;
  /** What was taken of this kind of replies may have been that of another request. */
  onDoubt(kind: string): void;
}

export function createPort(transport: Transport, events: PortEvents): Port {
  const framing =
    transport.framing === 'rtu'
      ? createRtuFraming(events.onDoubt)
      : createMbapFraming({ datagrams: transport.isDatagrams });
  const port = Object.assign(new EventEmitter(), {
    isOpen: true,
    open: (done: () => void) => done(),
    close: () => transport.close(),
    write: (rtu: Buffer) => transport.write(framing.request(rtu)),
  });
  transport.listen((bytes) => {
    events.onBytes();
    const reply = framing.receive(bytes);
    if (reply === 'garbage') events.onGarbage();
    else if (reply) port.emit('data', reply);
  });
  const client = new ModbusClient(port);
  client.open(() => {});
  return { client, framing };
}

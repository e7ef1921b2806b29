/**
 * One read for a person who asks: what a device holds just now, before decoding and scaling. Over the live session of a
 * running source, between its scheduled reads, or over a short connection of its own where no agent runs.
 */
import type { SampleValue, TimeUs } from './sample.ts';

export type InspectRequest =
  | {
      readonly kind: 'opcua';
      /** `nsu=…;s=…`, or a path of browse names: as in the configuration. */
      readonly node: string;
      /** OPC 10000-4 7.27 NumericRange, `3` or `1,2`. */
      readonly index?: string | undefined;
      /** Field of a structure, `position.x`. */
      readonly field?: string | undefined;
    }
  | {
      readonly kind: 'modbus';
      readonly unit: number;
      readonly table: 'coil' | 'discrete' | 'holding' | 'input';
      /** From 0, as on the wire. */
      readonly address: number;
      /** Registers or bits. */
      readonly count: number;
    };

export type Inspection =
  | {
      readonly kind: 'opcua';
      /** As the server names it: `Int32`, `Double`, `ExtensionObject`. */
      readonly dataType: string;
      /** What a sample would hold; null where it is Bad or cannot be a sample. */
      readonly value: SampleValue;
      /** The whole value as text, arrays and structures too; cut after 4096 characters. */
      readonly text: string;
      readonly status: number;
      readonly sourceTime?: TimeUs | undefined;
      readonly serverTime?: TimeUs | undefined;
      readonly readAt: TimeUs;
    }
  | {
      readonly kind: 'modbus';
      /** Registers as on the wire, or bits as 0 and 1; empty where the device refused. */
      readonly words: readonly number[];
      /** Modbus 7 exception code of a refusal. */
      readonly exception?: number | undefined;
      readonly sentAt: TimeUs;
      readonly answeredAt: TimeUs;
    };

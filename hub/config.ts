/** The schema of hub.yaml. One file names both choices of broker and store; `kind` picks. */
import { z } from 'zod';
import { agentIdPattern } from '../protocols/topics.ts';

const brokerSchema = z.strictObject({
  /** `embedded`: the hub is the broker, for one machine. `external`: mosquitto or another at `url`. */
  kind: z.enum(['embedded', 'external']).default('embedded'),
  /** Where the embedded broker listens; anything but a loopback address opens it to the network. */
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65535).default(1883),
  url: z.url({ protocol: /^mqtts?$/ }).default('mqtt://127.0.0.1:1883'),
  /** File that holds the password of the user `hub-` and `ingest.id` at an external broker. */
  passwordFile: z.string().optional(),
});

const duckdbSchema = z.strictObject({
  memoryLimitMb: z.int().min(64).default(256),
  threads: z.int().min(1).max(2).default(2),
});

const influxSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:8086'),
  /** `v1`: /write of InfluxDB 1.x. `v2`: /api/v2/write of 2.x and 3.x. Both are read by InfluxQL. */
  api: z.enum(['v1', 'v2']).default('v1'),
  /** Database (v1) or bucket (v2). */
  database: z.string().default('payesh'),
  /** Organization, v2 only. */
  org: z.string().default('payesh'),
  username: z.string().optional(),
  /** File that holds the password (v1) or the token (v2). */
  secretFile: z.string().optional(),
});

const partitionsSchema = z
  .strictObject({ of: z.int().min(1).max(1024).default(1), own: z.array(z.int().min(0)).optional() })
  .refine(({ of, own }) => own === undefined || own.every((one) => one < of), 'own: partitions count from 0 to of - 1')
  .transform(({ of, own }) => ({ of, own: own ?? (of === 1 ? [0] : []) }));

export const hubSchema = z.strictObject({
  dataDir: z.string().min(1),
  http: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.int().min(0).max(65535).default(8080),
      /** Of one token. */
      requestsPerMinute: z.int().min(1).default(300),
    })
    .prefault({}),
  broker: brokerSchema.prefault({}),
  store: z
    .strictObject({
      kind: z.enum(['duckdb', 'influx']).default('duckdb'),
      duckdb: duckdbSchema.prefault({}),
      influx: influxSchema.prefault({}),
    })
    .prefault({}),
  ingest: z
    .strictObject({
      /** Of this ingest process, where several share a broker; its broker account is `hub-` and this. */
      id: z.string().regex(agentIdPattern, 'must be lower-case letters, digits and -').default('ingest'),
      /** Of so many partitions of all agents, this process takes those: more than one of them needs an external broker. */
      partitions: partitionsSchema.prefault({}),
      /** Raised to take partitions over from a process that has them: the higher one wins, and the other lets go. */
      generation: z.int().min(0).default(0),
      /** Frames that an agent may send ahead of the acknowledgements. */
      window: z.int().min(1).max(64).default(64),
      /** Agents spread over this time at least when they come back; the more there are, the longer. */
      spreadMs: z.number().min(0).max(600_000).default(1000),
      /** Bytes of frames that the hub holds at most; beyond it the broker is not read. */
      maxBytes: z
        .int()
        .min(1_048_576)
        .default(64 * 1024 * 1024),
    })
    .prefault({}),
  retention: z
    .strictObject({
      rawDays: z.number().positive().default(90),
      /** Disk quota of the samples. */
      maxBytes: z
        .number()
        .positive()
        .default(50 * 1024 ** 3),
    })
    .prefault({}),
  reports: z
    .strictObject({
      /** `auto`: a month's official report is issued when its time has come. `by-hand`: when somebody does it. */
      issue: z.enum(['auto', 'by-hand']).default('auto'),
      /** Of the next Jalali month, and the local hour. */
      day: z.int().min(4).max(29).default(5),
      hour: z.int().min(0).max(23).default(12),
    })
    .prefault({}),
  /**
   * Ledger files of other ingest processes, read only: what they settled counts here, and an agent that moves here from
   * one of them goes on where it was.
   */
  ledgers: z.array(z.string()).max(64).default([]),
  /** Plant files, relative to this one. */
  plants: z.array(z.string()).default([]),
});
export type HubConfig = z.infer<typeof hubSchema>;

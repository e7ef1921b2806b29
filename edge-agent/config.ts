/** The schema of agent.yaml, composed from the drivers' own schemas. */
import { z } from 'zod';
import { tagPathSchema } from '../protocols/manifest.ts';
import { modbusSourceSchema } from '../protocols/modbus/config.ts';
import { opcuaSourceSchema } from '../protocols/opcua/config.ts';
import { agentIdPattern } from '../protocols/topics.ts';

export const agentSchema = z
  .strictObject({
    /** Also the broker's user name. */
    agent: z.string().regex(agentIdPattern, 'must be lower-case letters, digits and -'),
    /** Path of the plant in the national tree; the tags' paths stand below it. */
    site: tagPathSchema,
    /** Folder for the buffer; nothing is written elsewhere. */
    dataDir: z.string().min(1),
    broker: z.strictObject({
      url: z.url({ protocol: /^mqtts?$/ }),
      /** File that holds this agent's password, as the hub gave it. */
      passwordFile: z.string().min(1),
    }),
    buffer: z
      .strictObject({
        /** Disk quota; at it nothing new is accepted until the hub has taken something. */
        maxBytes: z
          .int()
          .min(1_048_576)
          .default(2 * 1024 ** 3),
      })
      .prefault({}),
    acceptance: z
      .strictObject({
        /** Longest time that a sample waits before it is durable. */
        intervalMs: z.int().min(100).max(5000).default(250),
      })
      .prefault({}),
    health: z.strictObject({ intervalMs: z.int().min(1000).max(60_000).default(5000) }).prefault({}),
    status: z
      .strictObject({
        host: z.string().default('127.0.0.1'),
        /** Of /healthz, /readyz and /metrics; 0 is any free one. Absent: not served. */
        port: z.int().min(0).max(65535).optional(),
      })
      .prefault({}),
    sources: z.array(z.discriminatedUnion('kind', [opcuaSourceSchema, modbusSourceSchema])).min(1),
  })
  .superRefine(({ sources }, context) => {
    const seen = new Set<string>();
    for (const [i, { id }] of sources.entries()) {
      if (seen.has(id))
        context.addIssue({ code: 'custom', path: ['sources', i, 'id'], message: `the id ${id} is used twice` });
      seen.add(id);
    }
  });
export type AgentConfig = z.infer<typeof agentSchema>;

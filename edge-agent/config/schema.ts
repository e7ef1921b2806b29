/** The schema of agent.yaml, composed from the drivers' own schemas. */
import { z } from 'zod';
import { tagPathSchema } from '../../protocols/manifest.ts';
import { modbusSourceSchema } from '../../protocols/modbus/config.ts';
import { opcuaSourceSchema } from '../../protocols/opcua/config.ts';
import { secretSchema } from '../../protocols/secret.ts';
import { agentIdPattern } from '../../protocols/topics.ts';
import { describeSchema } from './schema-words.ts';

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
      /** This agent's password, as the hub gave it. */
      password: secretSchema,
    }),
    /** Where commissioning compares with, and keeps its sheets. */
    hub: z.strictObject({ url: z.url({ protocol: /^https?$/ }), token: secretSchema }).optional(),
    buffer: z
      .strictObject({
        /** Disk quota. What the hub has settled goes first; see `full`. */
        maxBytes: z
          .int()
          .min(1_048_576)
          .default(2 * 1024 ** 3),
        /** At the quota: the oldest of the lowest class goes, and is declared; or nothing new is taken. */
        full: z.enum(['evict', 'stop']).default('evict'),
        /** How long what the hub has settled is kept, should it have to ask again. */
        replayHours: z.number().min(0).max(720).default(24),
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
        /** Of the technician's page, /healthz, /readyz and /metrics; 0 is any free one. Absent: not served. */
        port: z.int().min(0).max(65535).optional(),
      })
      .prefault({}),
    sources: z.array(z.discriminatedUnion('kind', [opcuaSourceSchema, modbusSourceSchema])).min(1),
  })
  .superRefine(({ sources }, context) => {
    const ids = new Set<string>();
    const paths = new Map<string, string>();
    for (const [i, source] of sources.entries()) {
      const { id } = source;
      const mistake = (message: string, ...path: (string | number)[]) =>
        context.addIssue({ code: 'custom', path: ['sources', i, ...path], message });
      if (ids.has(id)) mistake(`the id ${id} is used twice`, 'id');
      ids.add(id);
      for (const { path, at } of tagPaths(source)) {
        const other = paths.get(path);
        if (other !== undefined && other !== id) mistake(`"${path}" is also a tag of ${other}`, ...at);
        if (/^health(\/|$)/.test(path))
          mistake('paths below health/ are kept for what the agent says of itself', ...at);
        paths.set(path, id);
      }
    }
  });
export type AgentConfig = z.infer<typeof agentSchema>;

/** What changes only with a new start: who it is, where its data are, and to whom it sends. */
export const keysOfStart = ['agent', 'dataDir', 'broker', 'buffer', 'acceptance', 'health', 'status'] as const;

interface TagPath {
  readonly path: string;
  readonly at: readonly (string | number)[];
}

function tagPaths(source: z.infer<typeof opcuaSourceSchema> | z.infer<typeof modbusSourceSchema>): TagPath[] {
  const [list, places] =
    source.kind === 'opcua' ? (['groups', source.groups] as const) : (['devices', source.devices] as const);
  return places.flatMap(({ tags }, p) =>
    tags.flatMap((tag, t) => {
      const at = [list, p, 'tags', t, 'path'];
      if (!('elements' in tag && tag.elements)) return [{ path: tag.path, at }];
      return Array.from({ length: tag.elements }, (_, element) => ({ path: `${tag.path}/${element}`, at }));
    }),
  );
}

/** JSON Schema of agent.yaml for editors: wherever tags may stand, a table of them may. */
export const agentJsonSchema = (): object =>
  describeSchema(z.toJSONSchema(agentSchema, { io: 'input', unrepresentable: 'any' }));

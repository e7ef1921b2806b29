/** The schema of one OPC UA entry of agent.yaml. It imports no library: the agent reads it even where no OPC UA is used. */
import { z } from 'zod';
import { tagPathSchema } from '../manifest.ts';
import { tagConfigSchema } from '../tag-config.ts';
import { opcuaConnectionSchema, refuseOpenPassword } from './connection-config.ts';
import { isNode, nodeMistake } from './node.ts';

/** Which time a sample bears. `source` and `server` hold only within the skew; otherwise it is the gateway's. */
const timeOrigins = ['source', 'server', 'gateway'] as const;

/** What must change for the server to report (OPC 10000-4 7.22.2); each includes those before it. */
const triggers = ['status', 'value', 'timestamp'] as const;

const tagTypeSchema = z.enum(['float', 'int', 'bool', 'string']);

export const opcuaTagSchema = tagConfigSchema.extend({
  /** `nsu=<namespace URI>;s=<identifier>`, or a path of browse names from the Objects folder: `/Press 1/Speed`. */
  node: z.string().superRefine((node, issues) => {
    if (!isNode(node)) issues.addIssue({ code: 'custom', message: nodeMistake(node) });
  }),
  type: tagTypeSchema,
  /** One element of an array, OPC 10000-4 7.27: `3`, or `1,2` of a matrix. */
  index: z
    .string()
    .regex(/^\d{1,9}(,\d{1,9}){0,4}$/, 'must be the index of one element, like 3 or 1,2')
    .optional(),
  /** An array as so many tags, `path/0` and on; what the array is longer is left alone. */
  elements: z.int().min(1).max(1000).optional(),
  /** A field of a structure: `position.x`, `axes.2.load`. */
  field: z
    .string()
    .max(200)
    .regex(/^[^.\s]+(\.[^.\s]+)*$/, 'must be names joined by dots')
    .optional(),
  /** Instead of the group's. */
  samplingIntervalMs: z.int().min(10).max(3_600_000).optional(),
  /** Instead of the source's. */
  time: z.enum(timeOrigins).optional(),
});
export type OpcuaTag = z.infer<typeof opcuaTagSchema>;

/** Tags by browsing: every variable below a node whose path of browse names fits, looked for again now and then. */
const discoverSchema = z.strictObject({
  /** Where to begin: a node, or a path of browse names. */
  from: z.string().refine(isNode, 'must be a node, or a path of browse names like /Line 1'),
  /** Browse names below `from` joined by /; `*` stands for one name or a part of one, `**` for any number of them. */
  match: z.string().min(1).max(500).default('**'),
  /** Tag path of what is found: this, and then the browse names below `from` in lower case. */
  under: tagPathSchema,
  rescanMs: z.int().min(10_000).max(86_400_000).default(600_000),
  maxTags: z.int().min(1).max(20_000).default(1000),
});

const groupSchema = z.strictObject({
  /** `subscribe`: the server reports changes. `poll`: all tags of the group are read at every interval. */
  mode: z.enum(['subscribe', 'poll']).default('subscribe'),
  publishingIntervalMs: z.int().min(50).max(60_000).default(500),
  /** Of every item where the server samples, of the whole group where we poll. */
  samplingIntervalMs: z.int().min(10).max(3_600_000).default(500),
  trigger: z.enum(triggers).default('value'),
  /** What was missed while the connection was away is read from the server's history. */
  history: z.boolean().default(false),
  /** Not what is older than that. */
  historyDays: z.int().min(1).max(366).default(7),
  tags: z.array(opcuaTagSchema).max(100_000).default([]),
  discover: z.array(discoverSchema).max(100).default([]),
});
export type OpcuaGroup = z.infer<typeof groupSchema>;

/** Against servers that announce more than they bear; 0 is what the server says. */
const limitsSchema = z.strictObject({
  nodesPerRead: z.int().min(0).max(100_000).default(0),
  monitoredItemsPerCall: z.int().min(0).max(100_000).default(0),
  nodesPerBrowse: z.int().min(0).max(100_000).default(0),
  nodesPerHistoryRead: z.int().min(0).max(100_000).default(0),
});

/** Servers known to need other limits than they announce, or none of the filters. See limits.ts. */
const serverProfiles = ['auto', 's7-1200', 's7-1500', 'kepware', 'prosys'] as const;

export const opcuaSourceSchema = opcuaConnectionSchema
  .extend({
    kind: z.literal('opcua'),
    id: z
      .string()
      .max(64)
      .regex(/^[a-z0-9_-]+$/, 'must be one lower-case word'),
    time: z.enum(timeOrigins).default('source'),
    /** How far a source's or server's clock may be from the gateway's. */
    maxSkewMs: z.int().min(100).max(86_400_000).default(5000),
    profile: z.enum(serverProfiles).default('auto'),
    limits: limitsSchema.prefault({}),
    groups: z.array(groupSchema).min(1).max(1000),
  })
  .superRefine((config, issues) => {
    refuseOpenPassword(config, issues);
    const paths = new Set<string>();
    for (const [g, group] of config.groups.entries()) {
      const at = ['groups', g];
      if (group.tags.length + group.discover.length === 0) {
        issues.addIssue({ code: 'custom', path: at, message: 'a group needs tags, or discover' });
      }
      for (const [i, tag] of group.tags.entries()) {
        const mistake = (key: string, message: string) =>
          issues.addIssue({ code: 'custom', path: [...at, 'tags', i, key], message });
        const elements = Array.from({ length: tag.elements ?? 0 }, (_, element) => `${tag.path}/${element}`);
        for (const path of tag.elements ? elements : [tag.path]) {
          if (paths.has(path)) mistake('path', `"${path}" is there twice`);
          paths.add(path);
        }
        if (tag.elements && tag.index) mistake('index', 'an array is split into elements, or one element is picked');
        if (tag.report.deadbandPercent > 0 && tag.type !== 'float' && tag.type !== 'int') {
          mistake('report', 'only numbers have a deadband');
        }
      }
    }
  });
export type OpcuaConfig = z.infer<typeof opcuaSourceSchema>;

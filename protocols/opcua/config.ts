/** The schema of one OPC UA entry of agent.yaml. It imports no library: the agent reads it even where no OPC UA is used. */
import { z } from 'zod';
import { tagConfigSchema } from '../tag-config.ts';
import { parseNode } from './node.ts';

const tagSchema = tagConfigSchema.extend({
  node: z.string().superRefine((node, issues) => {
    if (parseNode(node)) return;
    const message = /(^|;)ns=/.test(node)
      ? 'must name its namespace by URI, nsu=…, not by index: the index may change when the server starts'
      : 'must be nsu=<namespace URI>;s=<identifier>, or i=, g=, b= for other identifiers';
    issues.addIssue({ code: 'custom', message });
  }),
  type: z.enum(['float', 'int', 'bool', 'string']),
  /** Instead of the source's. */
  samplingIntervalMs: z.int().min(10).max(3_600_000).optional(),
});
export type OpcuaTag = z.infer<typeof tagSchema>;

const dayMs = 86_400_000;
const maxWaiverDays = 366;

/** Who does without encryption says why, and until when: a year at most. */
const waiverSchema = z.strictObject(
  {
    reason: z.string().min(10, 'say why this connection cannot be encrypted'),
    /** Last day on which it holds, UTC. */
    expires: z.iso.date('must be a date, YYYY-MM-DD').superRefine((date, issues) => {
      const daysLeft = (Date.parse(date) - Date.now()) / dayMs + 1;
      if (daysLeft < 0) {
        issues.addIssue({ code: 'custom', message: 'the waiver has expired: set up encryption, or decide on it anew' });
      } else if (daysLeft > maxWaiverDays) {
        issues.addIssue({ code: 'custom', message: 'a waiver holds for a year at most' });
      }
    }),
  },
  {
    error: ({ input }) =>
      input === undefined ? 'mode none needs a waiver: { reason: …, expires: YYYY-MM-DD }' : undefined,
  },
);

/** By mode, since each needs something else. */
const securitySchema = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('none'), waiver: waiverSchema }),
]);

export const opcuaSourceSchema = z
  .strictObject({
    kind: z.literal('opcua'),
    id: z
      .string()
      .max(64)
      .regex(/^[a-z0-9_-]+$/, 'must be one lower-case word'),
    /** The host is kept, whatever endpoints the server announces. */
    endpoint: z.string().max(1024).refine(isEndpoint, 'must be opc.tcp://host:port, without user or password'),
    security: securitySchema,
    publishingIntervalMs: z.int().min(50).max(60_000).default(500),
    samplingIntervalMs: z.int().min(10).max(3_600_000).default(500),
    /** For the connection and for every request. */
    timeoutMs: z.int().min(1000).max(60_000).default(10_000),
    tags: z.array(tagSchema).min(1).max(100_000),
  })
  .superRefine((config, issues) => {
    const paths = new Set<string>();
    for (const [i, { path }] of config.tags.entries()) {
      if (paths.has(path)) {
        issues.addIssue({ code: 'custom', path: ['tags', i, 'path'], message: `"${path}" is there twice` });
      }
      paths.add(path);
    }
  });
export type OpcuaConfig = z.infer<typeof opcuaSourceSchema>;

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  return protocol === 'opc.tcp:' && hostname !== '' && username === '' && password === '';
}

/** How to reach an OPC UA server and be trusted by it: the part of an entry that browsing and probing need as well. */
import { z } from 'zod';
import { secretSchema } from '../secret.ts';

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

/** OPC 10000-7 6.6; what is older or weaker is refused. `best` is the strongest that the server offers. */
const securityPolicies = ['best', 'aes256-sha256-rsapss', 'aes128-sha256-rsaoaep', 'basic256sha256'] as const;

/** By mode, since each needs something else. */
const securitySchema = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('sign-and-encrypt'), policy: z.enum(securityPolicies).default('best') }),
  z.strictObject({ mode: z.literal('sign'), policy: z.enum(securityPolicies).default('best') }),
  z.strictObject({ mode: z.literal('none'), waiver: waiverSchema }),
]);

const userSchema = z.union(
  [
    z.strictObject({ name: z.string().min(1).max(200), password: secretSchema }),
    /** PEM files; the certificate may stand for a person or for this gateway. */
    z.strictObject({ certificateFile: z.string().min(1), privateKeyFile: z.string().min(1) }),
  ],
  { error: 'must be { name, password: { file: … } } or { certificateFile, privateKeyFile }' },
);

export const opcuaConnectionSchema = z.strictObject({
  /** The host is kept, whatever endpoints the server announces. */
  endpoint: z.string().max(1024).refine(isEndpoint, 'must be opc.tcp://host:port, without user or password'),
  security: securitySchema.prefault({ mode: 'sign-and-encrypt' }),
  /** Absent: anonymous. */
  user: userSchema.optional(),
  /** For the connection and for every request. */
  timeoutMs: z.int().min(1000).max(60_000).default(10_000),
});
export type OpcuaConnectionConfig = z.infer<typeof opcuaConnectionSchema>;

/** A user's name and password need an encrypted channel. */
export function refuseOpenPassword(
  { security, user }: Pick<OpcuaConnectionConfig, 'security' | 'user'>,
  issues: { addIssue(issue: { code: 'custom'; path: string[]; message: string }): void },
): void {
  if (user && security.mode !== 'sign-and-encrypt') {
    issues.addIssue({ code: 'custom', path: ['user'], message: 'a user needs security mode sign-and-encrypt' });
  }
}

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  return protocol === 'opc.tcp:' && hostname !== '' && username === '' && password === '';
}

/** Secrets never stand in a configuration file; it says where they are. */
import { z } from 'zod';

export const secretSchema = z.union(
  [
    /** A file that holds nothing else; one newline at its end is cut. */
    z.strictObject({ file: z.string().min(1) }),
    /** An environment variable. */
    z.strictObject({ env: z.string().regex(/^[A-Z][A-Z0-9_]*$/) }),
    /** A systemd credential (`LoadCredential=`), read from `$CREDENTIALS_DIRECTORY`. */
    z.strictObject({ credential: z.string().regex(/^[A-Za-z0-9._-]+$/) }),
  ],
  { error: 'say where the secret is: { file: … }, { env: … } or { credential: … }' },
);
export type SecretReference = z.infer<typeof secretSchema>;

/** @throws {ConfigError} when it is not there or empty. */
export type ReadSecret = (reference: SecretReference) => string;

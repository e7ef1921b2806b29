/**
 * What an error of DuckDB or of the system says of a file. Damage stays, and its file is set aside; what the machine
 * cannot do just now (open one more file, give memory or space, read a disk) says nothing of the file: it is waited out.
 */
const ofMachine =
  /Too many open files|Cannot allocate memory|Out of Memory|Input\/output error|No space left|\b(EMFILE|ENFILE|ENOMEM|EIO|ENOSPC)\b/;
const ofFile = /not a valid DuckDB database file|Corrupt|Could not read enough bytes|replaying WAL/;

export const isPassing = (error: unknown): boolean => ofMachine.test(String(error));

/** Of a file that is not, or no longer, one of DuckDB's; not of a lock or a missing right. */
export const isDamage = (error: unknown): boolean => ofFile.test(String(error)) && !isPassing(error);

/** For `catch`: undefined where there is no such file. */
export function ifMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  return undefined;
}

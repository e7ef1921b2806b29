/** What the commands on the access file share: they open it for a moment beside the running hub, and name who is at the keyboard. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { RejectedError } from '../../protocols/errors.ts';
import type { Access } from '../access/access.ts';

/** Runs an action on the open file; what it refuses becomes the command's error, one line and exit code 1. */
export function withAccess(command: Command, open: () => Access, action: (access: Access, by: string) => void): void {
  try {
    using access = open();
    action(access, operator());
  } catch (error) {
    if (error instanceof RejectedError) command.error(`error: ${error.message}`, { exitCode: 1 });
    throw error;
  }
}

function operator(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // A container's user often has no name.
    return `cli:uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

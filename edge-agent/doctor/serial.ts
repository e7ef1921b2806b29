/** Whether a serial port is there and may be opened. It is not opened: that would reset some converters. */
import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { bad, type Finding, good } from './check.ts';

export async function findSerialPort(path: string): Promise<Finding> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return good(`the serial port ${path} is there and may be opened`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      const there = await readdir('/dev/serial/by-id').catch(() => []);
      return bad(
        `there is no serial port ${path}`,
        there.length > 0
          ? `These are there: ${there.map((name) => `/dev/serial/by-id/${name}`).join(', ')}`
          : 'No USB serial adapter is plugged in, or its driver is missing: see dmesg.',
      );
    }
    if (code === 'EACCES') {
      return bad(
        `the serial port ${path} may not be opened by this user`,
        "Let the agent's user in: sudo usermod -aG dialout payesh, then restart the agent.",
      );
    }
    return bad(message);
  }
}

/** Whether a serial port is there and may be opened. It is not opened: that would reset some converters. */
import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { bad, type Finding, good } from './check.ts';

export async function findSerialPort(path: string): Promise<Finding> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return good((say) => say.serialThere(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      const there = await readdir('/dev/serial/by-id').catch(() => []);
      return bad((say) =>
        say.serialMissing(
          path,
          there.map((name) => `/dev/serial/by-id/${name}`),
        ),
      );
    }
    return bad((say) => (code === 'EACCES' ? say.serialDenied(path) : say.unforeseen(message)));
  }
}

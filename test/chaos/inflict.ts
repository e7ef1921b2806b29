/** Inflicts what was planned, and heals it. A fault that no longer fits, as its process is down already, is passed over. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './schedule.ts';
import { allowNoMoreFiles, failCalls } from './syscall-errors.ts';
import type { Part, System } from './system.ts';

export interface FaultCounts {
  kills: number;
  pauses: number;
  partitions: number;
  diskFulls: number;
  diskErrors: number;
  fileLimits: number;
}

export const noFaults = (): FaultCounts => ({
  kills: 0,
  pauses: 0,
  partitions: 0,
  diskFulls: 0,
  diskErrors: 0,
  fileLimits: 0,
});

export async function inflict(system: System, fault: Fault, counts: FaultCounts): Promise<void> {
  const partOf = (name: string): Part => system.parts.find((part) => part.name === name)!;
  switch (fault.kind) {
    case 'kill': {
      const part = partOf(fault.process);
      if (!part.running) return;
      counts.kills += 1;
      await part.kill();
      await delay(fault.downMs);
      // Another fault may hit it while it starts; whoever comes last starts it again.
      if (!part.running) await part.start().catch(() => {});
      return;
    }
    case 'pause': {
      const part = partOf(fault.process);
      if (!part.running) return;
      counts.pauses += 1;
      part.pause();
      await delay(fault.forMs);
      part.resume();
      return;
    }
    case 'partition': {
      const proxy = system.links.get(fault.link)!;
      counts.partitions += 1;
      proxy.inflict(fault.fault);
      await delay(fault.forMs);
      proxy.heal(fault.fault);
      return;
    }
    case 'disk-full': {
      counts.diskFulls += 1;
      await hamper(system, fault.disk, async () => {
        system.fillDisk(fault.disk, true);
        await delay(fault.forMs);
        system.fillDisk(fault.disk, false);
      });
      return;
    }
    case 'disk-error': {
      const { pid } = partOf(fault.process);
      if (pid === undefined) return;
      counts.diskErrors += 1;
      await hamper(system, fault.process, () =>
        failCalls(pid, system.filesOf(fault.process), fault.error, fault.forMs),
      );
      return;
    }
    case 'few-files': {
      const { pid } = partOf(fault.process);
      if (pid === undefined) return;
      counts.fileLimits += 1;
      // Only who has to open something misses it.
      const reset = { kind: 'reset' } as const;
      const links = [...system.links].filter(([name]) => name.startsWith(`${fault.process}-`));
      for (const [, link] of links) link.inflict(reset);
      await hamper(system, fault.process, () => allowNoMoreFiles(pid, fault.forMs));
      for (const [, link] of links) link.heal(reset);
    }
  }
}

/** What a fault has ended may take so long to be gone. */
const lastWordsMs = 300;

/** What cannot even start meanwhile is started again afterwards, as a service manager would. */
async function hamper(system: System, process: string, fault: () => Promise<void>): Promise<void> {
  system.hampered.add(process);
  await fault();
  await delay(lastWordsMs);
  system.hampered.delete(process);
  const part = system.parts.find(({ name }) => name === process)!;
  if (!part.running) await part.start().catch(() => {});
}

export function describe(fault: Fault): string {
  const ms = Math.round('forMs' in fault ? fault.forMs : fault.downMs);
  switch (fault.kind) {
    case 'kill':
      return `kill -9 ${fault.process}, down ${ms} ms`;
    case 'pause':
      return `pause ${fault.process} for ${ms} ms`;
    case 'partition':
      return `${fault.fault.kind} on ${fault.link} for ${ms} ms`;
    case 'disk-full':
      return `disk of ${fault.disk} full for ${ms} ms`;
    case 'disk-error':
      return `${fault.error} errors of ${fault.process} for ${ms} ms`;
    case 'few-files':
      return `no more open files for ${fault.process} for ${ms} ms`;
  }
}

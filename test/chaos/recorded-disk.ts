/**
 * A disk as it can be found after a power cut. Contents are durable from a file's own sync on, names from their folder's
 * (ext4 and XFS promise more). Beyond that either nothing survives, or a random half: a run of the oldest changes of
 * names, which a journal keeps in order, and any half of the sectors written.
 */
import { dirname } from 'node:path';
import type { Random } from './random.ts';
import type { Call } from './recorded-calls.ts';

export interface RecordedDisk {
  take(call: Call): void;
  /** Files by path. @param random loses by half; without it everything that is not synced is lost. */
  afterCut(random: Random | undefined): Map<string, Buffer>;
}

type NameChange = Extract<Call, { kind: 'create' | 'folder' | 'rename' | 'remove' }>;
type ContentChange = Extract<Call, { kind: 'write' | 'truncate' }>;

interface FileImage {
  apply(change: ContentChange): void;
  bytes(): Buffer;
}

const sector = 512;
const folderMark = -1;

export function createRecordedDisk(): RecordedDisk {
  const names = new Map<string, number>([['', folderMark]]);
  const contents = new Map<number, FileImage>();
  let pendingNames: NameChange[] = [];
  const pending = new Map<number, ContentChange[]>();
  const imageOf = (file: number): FileImage => {
    const image = contents.get(file) ?? createImage();
    contents.set(file, image);
    return image;
  };

  return {
    take(call) {
      switch (call.kind) {
        case 'create':
        case 'folder':
        case 'rename':
        case 'remove':
          return void pendingNames.push(call);
        case 'write':
        case 'truncate': {
          const waiting = pending.get(call.file);
          if (waiting) waiting.push(call);
          else pending.set(call.file, [call]);
          return;
        }
        case 'sync':
          for (const change of pending.get(call.file) ?? []) imageOf(call.file).apply(change);
          return void pending.delete(call.file);
        case 'sync-folder':
          for (const change of pendingNames) if (folderOf(change) === call.path) rename(names, change);
          pendingNames = pendingNames.filter((change) => folderOf(change) !== call.path);
      }
    },
    afterCut(random) {
      const found = new Map(names);
      const kept = random ? Math.floor(random.between(0, pendingNames.length + 1)) : 0;
      for (const change of pendingNames.slice(0, kept)) rename(found, change);
      const files = new Map<string, Buffer>();
      for (const [path, file] of found) {
        if (file === folderMark || !hasFolders(found, path)) continue;
        const changes = random ? (pending.get(file) ?? []).flatMap((change) => survivors(change, random)) : [];
        const image = changes.length > 0 ? createImage(imageOf(file).bytes()) : imageOf(file);
        for (const change of changes) image.apply(change);
        files.set(path, image.bytes());
      }
      return files;
    },
  };
}

const folderOf = (change: NameChange): string => {
  const folder = dirname(change.kind === 'rename' ? change.to : change.path);
  return folder === '.' ? '' : folder;
};

function rename(names: Map<string, number>, change: NameChange): void {
  if (change.kind === 'create') names.set(change.path, change.file);
  else if (change.kind === 'folder') names.set(change.path, folderMark);
  else if (change.kind === 'remove') names.delete(change.path);
  else {
    const file = names.get(change.from);
    names.delete(change.from);
    if (file !== undefined) names.set(change.to, file);
  }
}

function hasFolders(names: ReadonlyMap<string, number>, path: string): boolean {
  const folder = dirname(path);
  return folder === '.' || (names.get(folder) === folderMark && hasFolders(names, folder));
}

function createImage(content: Buffer = Buffer.alloc(0)): FileImage {
  let space: Buffer = Buffer.from(content);
  let size = content.length;
  return {
    apply(change) {
      if (change.kind === 'truncate') {
        if (change.size < size) space.fill(0, change.size, size);
        size = change.size;
        return;
      }
      const end = change.offset + change.bytes.length;
      if (end > space.length) space = Buffer.concat([space, Buffer.alloc(end * 2 - space.length)]);
      change.bytes.copy(space, change.offset);
      size = Math.max(size, end);
    },
    bytes: () =>
      size > space.length ? Buffer.concat([space, Buffer.alloc(size - space.length)]) : space.subarray(0, size),
  };
}

/** A disk writes whole sectors, in any order. */
function survivors(change: ContentChange, random: Random): ContentChange[] {
  if (change.kind !== 'write') return random.next() < 0.5 ? [change] : [];
  const parts: ContentChange[] = [];
  for (let from = 0; from < change.bytes.length; ) {
    const to = Math.min(change.bytes.length, from + sector - ((change.offset + from) % sector));
    if (random.next() < 0.5) {
      parts.push({ ...change, offset: change.offset + from, bytes: change.bytes.subarray(from, to) });
    }
    from = to;
  }
  return parts;
}

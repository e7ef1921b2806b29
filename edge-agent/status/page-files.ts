/** The technician's page and its fonts, as they are served: a fixed list, so that no path leads anywhere else. */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PageFile {
  readonly type: string;
  read(): Promise<Uint8Array>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** By URL path. */
export function pageFiles(): ReadonlyMap<string, PageFile> {
  const page = join(import.meta.dirname, 'page');
  // By the path at which the page's modules find it on the disk: a browser takes `../../../` for the root.
  const shared = join(import.meta.dirname, '../../protocols/page');
  const fonts = fileURLToPath(new URL('files/', import.meta.resolve('@fontsource-variable/vazirmatn')));
  const files = new Map<string, PageFile>();
  const add = (path: string, file: string) => {
    const type = types[extname(file)];
    if (type) files.set(path, { type, read: () => readFile(file) });
  };
  for (const name of readdirSync(page)) add(`/${name}`, join(page, name));
  for (const name of readdirSync(shared)) add(`/protocols/page/${name}`, join(shared, name));
  for (const name of readdirSync(fonts)) add(`/fonts/${name}`, join(fonts, name));
  const index = files.get('/index.html');
  if (index) files.set('/', index);
  return files;
}

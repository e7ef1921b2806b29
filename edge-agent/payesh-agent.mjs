#!/usr/bin/env -S node --max-semi-space-size=8
// Says in one line what is wrong with an old Node.js, before anything that needs a new one is loaded. The small young
// generation and the cache of stripped and compiled sources save a third of the memory, from the second start on.
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `payesh-agent needs Node.js 24 or newer; this is ${process.version}. In a checkout, "npx payesh-agent" finds the right one after "npm ci".\n`,
  );
  process.exit(78);
}
// It means: read your files again. Until they are read for the first time there is nothing else to do about it.
if (process.argv[2] === 'run') process.on('SIGHUP', () => {});
// It stays at 1 MB; an agent with very many tags lets it grow (young-generation.ts).
v8.setFlagsFromString('--semi-space-growth-factor=1');
// Old objects are collected when they have grown by a quarter, not by several times: at 10,000 tags 249 MB instead of 359.
v8.setFlagsFromString('--heap-growing-percent=25');
// By the environment, so that worker threads use it too.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/payesh', import.meta.url));
module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
// A process that is killed writes no cache at its end.
setTimeout(() => module.flushCompileCache(), 10_000).unref();
await import('./main.ts');

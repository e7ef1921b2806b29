#!/usr/bin/env -S node --max-semi-space-size=4 --max-old-space-size=768
// Says in one line what is wrong with an old Node.js, before anything that needs a new one is loaded. The small young
// generation and the cache of stripped and compiled sources save a third of the memory, from the second start on; a
// bound of the old generation makes V8 collect it in time: 243 MB instead of 446 and growing while a backlog drains.
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `payesh-hub needs Node.js 24 or newer; this is ${process.version}. In a checkout, "npx payesh-hub" finds the right one after "npm ci".\n`,
  );
  process.exit(78);
}
// By the environment, so that worker threads use it too.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/payesh', import.meta.url));
// Old objects are collected when they have grown by half, not by several times.
v8.setFlagsFromString('--heap-growing-percent=50');
module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
// A process that is killed writes no cache at its end.
setTimeout(() => module.flushCompileCache(), 10_000).unref();
await import('./main.ts');

#!/usr/bin/env node
// Says in one line what is wrong with an old Node.js, before anything that needs a new one is loaded.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `payesh-hub needs Node.js 24 or newer; this is ${process.version}. In a checkout, "npx payesh-hub" finds the right one after "npm ci".\n`,
  );
  process.exit(78);
}
await import('./main.ts');

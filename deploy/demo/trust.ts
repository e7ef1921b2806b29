/** What a technician does with `payesh-agent trust`, done by the launcher of the demo: no question is left open there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { identifyServer } from '../../protocols/opcua/server-certificate.ts';
import { openTrustList } from '../../protocols/opcua/trust.ts';

/** The agent of the machining plant may talk to this very server. The factory must have come up. */
export function trustFactory(dataDir: string, opcuaPort: number): void {
  const server = identifyServer(readFileSync(join(dataDir, 'factory/opcua-pki/server.der')), 'Payesh demo factory');
  const list = openTrustList(join(dataDir, 'agents/machining'));
  list.keepPending(server, `opc.tcp://127.0.0.1:${opcuaPort}/payesh/demo`);
  list.trust(server.thumbprint, 'the launcher of the demo');
}

/** Reads one node once over the session that is up, between whatever else it does. */
import { AttributeIds } from 'node-opcua-client';
import type { Clock } from '../clock.ts';
import { ConnectionError, RejectedError } from '../errors.ts';
import type { Inspection, InspectRequest } from '../inspect.ts';
import { inspectionOf } from './inspect.ts';
import { resolveNodes } from './resolve.ts';
import type { Services } from './services.ts';
import type { OpcuaSession } from './session.ts';
import { nameOf, SessionLost } from './status.ts';

/** @throws {RejectedError} when there is no such node. @throws {ConnectionError} when the session is lost meanwhile. */
export async function inspectOver(
  opcua: OpcuaSession,
  services: Services,
  request: InspectRequest & { kind: 'opcua' },
  clock: Clock,
): Promise<Inspection & { kind: 'opcua' }> {
  try {
    const node = (await resolveNodes([request.node], opcua, services)).get(request.node)!;
    if (typeof node === 'number') throw noSuchNode(request.node, node);
    const [outcome] = await services.read([{ nodeId: node, attributeId: AttributeIds.Value }]);
    if (!outcome!.result) throw noSuchNode(request.node, outcome!.status);
    const readAt = clock.now();
    await services.decode([outcome!.result]);
    return inspectionOf(outcome!.result, request, readAt);
  } catch (error) {
    throw error instanceof SessionLost ? new ConnectionError(error.message, { cause: error }) : error;
  }
}

const noSuchNode = (node: string, status: number): RejectedError =>
  new RejectedError(`the server has no ${node}: ${nameOf(status)}`, { reason: 'no-such-node' });

/** What to try when an OPC UA server cannot be reached by a tool. */
import type { OpcuaConnectionConfig } from '../../protocols/opcua/connection-config.ts';

export const opcuaHint = ({ endpoint, security }: OpcuaConnectionConfig): string =>
  security.mode === 'none'
    ? 'Check the address and port, and that the server allows security None; see "payesh-agent trust" for the encrypted way.'
    : `Check the address and port. Where certificates are new to each other: "payesh-agent trust ${endpoint}" here, and accept this agent's certificate at the server.`;

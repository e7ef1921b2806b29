/** node-opcua's client, with everything off that it would do by itself: reconnecting, retrying, looking elsewhere. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type MessageSecurityMode,
  OPCUAClient,
  type OPCUAClientOptions,
  type SecurityPolicy,
  StatusCodes,
  setErrorLogger,
  setWarningLogger,
} from 'node-opcua-client';
import { applicationName, type OwnCertificate } from './certificate.ts';

/** Longer than any pause between publish requests, however rarely the server answers them. */
const sessionTimeoutMs = 120_000;
const closeTimeoutMs = 1500;
/**
 * Our own deadline comes first, and the connection is closed after it: an answer to a request that the library has given
 * up would be an error of the channel to it.
 */
const afterOurDeadlineMs = 10_000;

// What matters comes back as an error. The library would write everything to the console, in colours.
setWarningLogger(() => {});
setErrorLogger(() => {});

export interface ClientSecurity {
  readonly mode: MessageSecurityMode;
  readonly policy: SecurityPolicy;
  /** Given, it is the one that the channel is made for, and the library asks nobody whether to trust it. */
  readonly certificate?: Buffer | undefined;
}

export const createClient = (own: OwnCertificate, timeoutMs: number, security: ClientSecurity): OPCUAClient =>
  OPCUAClient.create({
    applicationName,
    clientName: applicationName,
    applicationUri: own.applicationUri,
    certificateKeyPairProvider: own.keyPair,
    clientCertificateManager: trustNobody(),
    securityMode: security.mode,
    securityPolicy: security.policy,
    serverCertificate: security.certificate,
    // The host is the operator's, not what the server calls itself.
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
    keepPendingSessionsOnDisconnect: true,
    requestedSessionTimeout: sessionTimeoutMs,
    // Of an idle socket: watchdogs are faster.
    transportTimeout: sessionTimeoutMs,
    defaultTransactionTimeout: timeoutMs + afterOurDeadlineMs,
  });

/** Whom we trust is decided before the library connects (endpoints.ts). Were it to ask, its own store would say yes. */
function trustNobody(): NonNullable<OPCUAClientOptions['clientCertificateManager']> {
  const nothing = async () => {};
  return {
    referenceCounter: 0,
    initialize: nothing,
    dispose: nothing,
    checkCertificate: async () => StatusCodes.BadCertificateUntrusted,
    verifyCertificate: async () => 'BadCertificateUntrusted',
    getTrustStatus: async () => StatusCodes.BadCertificateUntrusted,
    trustCertificate: nothing,
    rejectCertificate: nothing,
    addIssuer: nothing,
    addRevocationList: nothing,
  };
}

/** Closing is a courtesy to the server; whoever does not take it in time is left. */
export async function closeInTime(closing: () => Promise<unknown>): Promise<void> {
  await Promise.race([closing().catch(() => {}), delay(closeTimeoutMs, undefined, { ref: false })]);
}

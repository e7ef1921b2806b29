/** What will expire, or has: certificates of the agent and of servers, and waivers of security. */
import { type Details, dayUs, error, type ProblemContext, type Report, warning } from './problem-parts.ts';
import type { Problem } from './report.ts';

/** Time to order a certificate, or to talk to whoever keeps the PLC. */
const expiryWarningUs = 30 * dayUs;

export function findExpiring({ now, sources, config }: Report, context: ProblemContext): Problem[] {
  const expiring = (notAfter: Date | string, details: Details, subject?: string): Problem[] => {
    const left = new Date(notAfter).getTime() * 1000 - now;
    if (!(left < expiryWarningUs)) return [];
    const all = { ...details, days: Math.max(0, Math.floor(left / dayUs)), expired: Number(left <= 0) };
    return [(left <= 0 ? error : warning)('certificate-expires', all, subject === undefined ? {} : { subject })];
  };
  const opcua = sources.filter(({ kind }) => kind === 'opcua');
  return [
    ...(context.ownCertificateNotAfter && opcua.length > 0
      ? expiring(context.ownCertificateNotAfter, { owner: 'agent', file: config.file })
      : []),
    ...opcua.flatMap(({ id, target }) => {
      const trusted = context.knownServers.filter(({ endpoint, state }) => endpoint === target && state === 'trusted');
      const newest = trusted.toSorted((a, b) => +new Date(b.notAfter) - +new Date(a.notAfter))[0];
      return newest ? expiring(newest.notAfter, { owner: 'server', target, file: config.file }, id) : [];
    }),
    ...context.waivers.flatMap(({ source, reason, expires }) => {
      // It holds until the end of its last day, UTC.
      const left = (Date.parse(expires) * 1000 || 0) + dayUs - now;
      if (left >= expiryWarningUs) return [];
      const details = { reason, expires, days: Math.max(0, Math.floor(left / dayUs)), file: config.file };
      return [(left <= 0 ? error : warning)('waiver-expires', details, { subject: source })];
    }),
  ];
}

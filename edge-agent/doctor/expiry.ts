/** What ends by itself: the agent's own certificate, and leave to do without encryption. */
import { certificateNotAfter } from '../../protocols/opcua/certificate.ts';
import type { AgentConfig } from '../config/schema.ts';
import { type Check, type Finding, good, note, warning } from './check.ts';

const dayMs = 86_400_000;
const warningDays = 30;

export const expiryCheck = ({ dataDir, sources }: Pick<AgentConfig, 'dataDir' | 'sources'>, file: string): Check => ({
  name: (say) => say.names.expiry,
  timeoutMs: 5000,
  run: async () => {
    const opcua = sources.filter((source) => source.kind === 'opcua');
    if (opcua.length === 0) return [good((say) => say.nothingExpires())];
    const waivers = opcua.flatMap(({ id, security }) =>
      security.mode === 'none' ? [{ id, expires: security.waiver.expires }] : [],
    );
    return [findOwnCertificate(dataDir, file), ...waivers.map(findWaiver)];
  },
});

function findOwnCertificate(dataDir: string, file: string): Finding {
  const notAfter = certificateNotAfter(dataDir);
  if (notAfter === undefined) return note((say) => say.ownCertificateLater());
  const days = Math.floor((notAfter.getTime() - Date.now()) / dayMs);
  const until = notAfter.toISOString().slice(0, 10);
  if (days >= warningDays) return good((say) => say.ownCertificate(until));
  return warning((say) => say.ownCertificateEnds(until, days < 0, file));
}

function findWaiver({ id, expires }: { readonly id: string; readonly expires: string }): Finding {
  const days = Math.floor((Date.parse(expires) + dayMs - Date.now()) / dayMs);
  if (days >= warningDays) return good((say) => say.waiver(id, expires));
  return warning((say) => say.waiverEnds(id, expires, days));
}

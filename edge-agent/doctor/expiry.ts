/** What ends by itself: the agent's own certificate, and leave to do without encryption. */
import { certificateNotAfter } from '../../protocols/opcua/certificate.ts';
import type { AgentConfig } from '../config.ts';
import { type Check, type Finding, good, note, warning } from './check.ts';

const dayMs = 86_400_000;
const warningDays = 30;

export const expiryCheck = ({ dataDir, sources }: Pick<AgentConfig, 'dataDir' | 'sources'>): Check => ({
  name: 'expiry dates',
  timeoutMs: 5000,
  run: async () => {
    const opcua = sources.filter((source) => source.kind === 'opcua');
    if (opcua.length === 0) return [good('nothing here expires')];
    const waivers = opcua.flatMap(({ id, security }) =>
      security.mode === 'none' ? [{ id, expires: security.waiver.expires }] : [],
    );
    return [findOwnCertificate(dataDir), ...waivers.map(findWaiver)];
  },
});

function findOwnCertificate(dataDir: string): Finding {
  const notAfter = certificateNotAfter(dataDir);
  if (notAfter === undefined) return note('the agent makes its OPC UA certificate at its first start');
  const days = Math.floor((notAfter.getTime() - Date.now()) / dayMs);
  const until = notAfter.toISOString().slice(0, 10);
  if (days >= warningDays) return good(`the agent's own certificate is valid until ${until}`);
  return warning(
    days < 0 ? `the agent's own certificate expired on ${until}` : `the agent's own certificate expires on ${until}`,
    'Choose a time when the lines stand still: each server must approve the new one.',
  );
}

function findWaiver({ id, expires }: { readonly id: string; readonly expires: string }): Finding {
  const days = Math.floor((Date.parse(expires) + dayMs - Date.now()) / dayMs);
  if (days >= warningDays) return good(`${id} may do without encryption until ${expires}`);
  return warning(
    `${id} may do without encryption only until ${expires}, ${days} more days; then the agent does not start with it`,
    'Set up encryption in the server, or decide on the waiver anew.',
  );
}

/** Why a connection fails, read from the text of its error: each reason has a remedy of its own. */

export type FailureReason =
  | 'refused'
  | 'silent'
  | 'no-route'
  | 'unknown-name'
  | 'not-trusted'
  | 'not-offered'
  | 'login'
  | 'port-missing'
  | 'port-denied'
  | 'port-busy'
  | 'other';

/** The first that fits is the one: a refused login is a refused connection as well, and a time-out often follows the rest. */
const signs: readonly (readonly [FailureReason, RegExp])[] = [
  ['login', /BadUserAccessDenied|BadIdentityToken|BadUserSignature|user ?name or password|refuses the user/i],
  ['refused', /ECONNREFUSED|connection refused/i],
  ['no-route', /EHOSTUNREACH|ENETUNREACH|no route|EHOSTDOWN/i],
  ['unknown-name', /ENOTFOUND|EAI_AGAIN|getaddrinfo/i],
  ['port-denied', /EACCES|EPERM|permission denied/i],
  ['port-busy', /EBUSY|cannot lock|resource busy|temporarily unavailable|in use by another/i],
  ['port-missing', /ENOENT|ENXIO|ENODEV|no such file/i],
  ['not-offered', /does not offer|no-such-endpoint/i],
  ['not-trusted', /certificate|BadSecurity|not trusted|untrusted/i],
  ['silent', /ETIMEDOUT|time[ds]?[ -]?out|no answer|no reply|does not answer|not answer|silent|in time|within \d/i],
];

export const failureReason = (error: string): FailureReason =>
  signs.find(([, pattern]) => pattern.test(error))?.[0] ?? 'other';

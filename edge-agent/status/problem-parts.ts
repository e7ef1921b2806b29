/** What the rules share that find problems: what they judge by, how they tell, and their measures of time. */
import type { AgentReport, Problem, ProblemCode } from './report.ts';

export type Report = Omit<AgentReport, 'problems'>;

/** As problem-context.ts gathers it. */
export interface ProblemContext {
  /**
   * The agent's report of some minutes ago. Counts that only ever rise are judged by how much they rose since then;
   * without it they are not judged.
   */
  readonly earlier?: Report | undefined;
  /** As the list of trusted servers has them. */
  readonly knownServers: readonly {
    readonly endpoint: string;
    readonly thumbprint: string;
    readonly state: 'pending' | 'trusted';
    readonly notAfter: Date | string;
  }[];
  readonly ownCertificateNotAfter?: Date | undefined;
  readonly waivers: readonly { readonly source: string; readonly reason: string; readonly expires: string }[];
  /** Keys of the configuration that have changed and take effect only after a restart. */
  readonly needsRestart: readonly string[];
}

export const secondUs = 1_000_000;
export const dayUs = 86_400 * secondUs;

/** A broken connection is tried again after a second or two: one that is back by then was worth nobody's time. */
export const connectingGraceUs = 10 * secondUs;

export type Details = Problem['details'];

export const error = (code: ProblemCode, details: Details, rest: Pick<Problem, 'subject' | 'since'> = {}): Problem => ({
  code,
  severity: 'error',
  details,
  ...rest,
});
export const warning = (
  code: ProblemCode,
  details: Details,
  rest: Pick<Problem, 'subject' | 'since'> = {},
): Problem => ({
  code,
  severity: 'warning',
  details,
  ...rest,
});

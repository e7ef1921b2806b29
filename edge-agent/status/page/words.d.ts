import type { LinkReport, SourceReport } from '../report.ts';

/** Of the page's words those that the commands say as well. */
export interface Words {
  readonly place: string;
  version(version: string): string;
  running(span: string): string;
  config(version: string, since: string): string;
  readonly well: string;
  readonly severity: { readonly error: string; readonly warning: string };
  since(time: string, span: string): string;
  readonly todo: string;
  readonly buffer: string;
  backlog(count: number): string;
  readonly empty: string;
  quota(bytes: string, max: string, percent: string): string;
  oldest(age: string): string;
  replay(count: string, bytes: string): string;
  evicted(count: string): string;
  corrupt(count: string): string;
  diskFree(bytes: string): string;
  readonly hub: string;
  readonly link: Readonly<Record<LinkReport['state'], string>>;
  readonly device: string;
  readonly state: Readonly<Record<SourceReport['state'], string>>;
  readonly lost: string;
  readonly severities: {
    readonly good: string;
    readonly uncertain: string;
    readonly bad: string;
    readonly silent: string;
  };
}

export const words: { readonly en: Words; readonly fa: Words };

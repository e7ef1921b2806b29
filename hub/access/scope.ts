/**
 * Roles and site scope: what a token may do, and of which sites. Everything that asks "may they see this?" asks here,
 * with full paths only (`sahand/machining-plant/machining/line-1/cnc-1`), whose beginning is their site.
 */
import type { TimeUs } from '../../protocols/sample.ts';

export const roles = ['technician', 'analyst', 'manager', 'admin', 'approver'] as const;
export type Role = (typeof roles)[number];

/** Site paths, or every site. */
export type SiteScope = '*' | readonly string[];

/** Who makes a request: a token that was valid when the request came. */
export interface Principal {
  readonly id: number;
  /** The token's name; what the audit log calls `who`. */
  readonly name: string;
  readonly role: Role;
  readonly sites: SiteScope;
  readonly expiresAt: TimeUs;
}

export const isUnder = (path: string, ancestor: string): boolean =>
  path.startsWith(ancestor) && (path.length === ancestor.length || path[ancestor.length] === '/');

/** Whether a site, asset or tag lies in the scope. */
export const inScope = (sites: SiteScope, path: string): boolean =>
  sites === '*' || sites.some((site) => isUnder(path, site));

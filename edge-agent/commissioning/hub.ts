/** The hub as a technician at the agent sees it, over its HTTP API: what has arrived there, and where sheets are kept. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { SignedSheet } from '../../protocols/commissioning.ts';
import { ConnectionError, RejectedError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { ApiValue } from './compare.ts';

export interface HubAccount {
  readonly url: string;
  readonly token: string;
}

export interface HubValue {
  readonly value: ApiValue;
  readonly time: TimeUs;
  readonly quality: number;
}

const timeoutMs = 10_000;
const attempts = 4;
const firstPauseMs = 500;

const tagsSchema = z.object({
  data: z.array(
    z.object({
      path: z.string(),
      agent: z.string(),
      latest: z
        .object({
          time: z.string(),
          value: z.union([z.number(), z.string(), z.boolean(), z.null()]),
          quality: z.number(),
        })
        .nullable(),
    }),
  ),
  next_after: z.string().nullable(),
});
const sheetsSchema = z.object({ data: z.array(z.object({ hash: z.string() })), next_before: z.string().nullable() });
const problemSchema = z.object({ detail: z.string().optional(), title: z.string().optional() });

/**
 * Newest values at the hub by full path, of one agent, at and below a path; undefined where nothing has arrived yet.
 * @throws {ConnectionError} it does not answer. @throws {RejectedError} it refuses, for the token for instance.
 */
export async function hubValues(
  hub: HubAccount,
  agent: string,
  under: string,
  signal: AbortSignal,
): Promise<Map<string, HubValue | undefined>> {
  const values = new Map<string, HubValue | undefined>();
  for (let after: string | null = ''; after !== null; ) {
    const query = new URLSearchParams({ under, limit: '10000', ...(after && { after }) });
    const { data, next_after } = tagsSchema.parse(await ask(hub, `/tags?${query}`, {}, signal));
    for (const tag of data) {
      if (tag.agent !== agent) continue;
      values.set(tag.path, tag.latest ? { ...tag.latest, time: timeOf(tag.latest.time) } : undefined);
    }
    after = next_after;
  }
  return values;
}

/** Hashes of the agent's sheets that the hub has. @throws as `hubValues`. */
export async function sheetsAtHub(hub: HubAccount, agent: string, signal: AbortSignal): Promise<Set<string>> {
  const hashes = new Set<string>();
  for (let before: string | null = ''; before !== null; ) {
    const query = new URLSearchParams({ agent, limit: '1000', ...(before && { before }) });
    const { data, next_before } = sheetsSchema.parse(await ask(hub, `/commissioning-sheets?${query}`, {}, signal));
    for (const { hash } of data) hashes.add(hash);
    before = next_before;
  }
  return hashes;
}

/** Tries again for a while where the hub is away. @throws as `hubValues`; what it refuses is not tried again. */
export async function pushSheet(hub: HubAccount, signed: SignedSheet, signal: AbortSignal): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const request = { method: 'POST', headers, body: JSON.stringify(signed) };
  for (let attempt = 1; ; attempt++) {
    try {
      await ask(hub, '/commissioning-sheets', request, signal);
      return;
    } catch (error) {
      if (!(error instanceof ConnectionError) || attempt === attempts || signal.aborted) throw error;
      await delay(firstPauseMs * 2 ** (attempt - 1), undefined, { signal });
    }
  }
}

async function ask({ url, token }: HubAccount, path: string, init: RequestInit, signal: AbortSignal): Promise<unknown> {
  const headers = { ...(init.headers as object), authorization: `Bearer ${token}` };
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(`${url.replace(/\/+$/, '')}/api/v1${path}`, { ...init, headers, signal: limited });
    body = await response.json();
  } catch (cause) {
    signal.throwIfAborted();
    throw new ConnectionError(`the hub at ${url} does not answer`, { cause });
  }
  if (response.ok) return body;
  const { detail, title } = problemSchema.safeParse(body).data ?? {};
  const message = `the hub says: ${detail ?? title ?? `HTTP ${response.status}`}`;
  if (response.status >= 500 || response.status === 429) throw new ConnectionError(message);
  throw new RejectedError(message, { reason: String(response.status) });
}

/** ISO 8601 in UTC with up to six decimals, as the hub writes it. */
function timeOf(text: string): TimeUs {
  const [, fraction = ''] = /\.(\d+)Z$/.exec(text) ?? [];
  return Date.parse(text) * 1000 + Number(fraction.slice(3, 6).padEnd(3, '0'));
}

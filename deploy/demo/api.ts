/** What the demo asks the hub over its API, as any program would. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../protocols/clock.ts';

/** @throws when the hub does not answer with success. */
export const askHub = (url: string, path: string, token: string, timeoutMs = 5000): Promise<unknown> =>
  request(url + path, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(timeoutMs) });

/** @throws when the hub does not answer with success. */
export const tellHub = (url: string, path: string, token: string, says: object): Promise<unknown> =>
  request(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(says),
    signal: AbortSignal.timeout(5000),
  });

async function request(url: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(url, init);
  const body: unknown = await response.json();
  if (!response.ok) throw new Error(`${new URL(url).pathname}: ${response.status} ${JSON.stringify(body)}`);
  return body;
}

interface FirstKpiOptions {
  readonly url: string;
  readonly token: string;
  readonly clock: Clock;
  /** When the agents were started, µs of the clock. */
  readonly from: number;
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
}

interface KpiValues {
  readonly data: readonly { readonly kpi: string; readonly asset: string; readonly value: number | null }[];
}

/** Waits for the first figure that is known, and says it: a line's OEE, or energy when no production is planned now. */
export async function firstKpi({ url, token, clock, from, timeoutMs, stop }: FirstKpiOptions): Promise<string> {
  const iso = (time: number) => new Date(time / 1000).toISOString();
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline && !stop.aborted) {
    const window = `from=${iso(from)}&to=${iso(clock.now())}`;
    const { data } = (await askHub(url, `/api/v1/kpi-values?kpi=prod.oee,en.kwh&${window}`, token)) as KpiValues;
    const oee = data.find(({ kpi, asset, value }) => kpi === 'prod.oee' && asset.endsWith('line-1') && value !== null);
    if (oee) return `OEE of ${oee.asset}: ${(oee.value! * 100).toFixed(1)} %`;
    const kwh = data.find(({ kpi, value }) => kpi === 'en.kwh' && value !== null);
    if (kwh && Date.now() > deadline - timeoutMs / 2)
      return `${kwh.asset}: ${kwh.value!.toFixed(2)} kWh (no production planned now)`;
    await delay(500, undefined, { signal: stop }).catch(() => {});
  }
  return stop.aborted ? 'stopped before it was known' : `not known after ${timeoutMs / 1000} s: see the page for why`;
}

/**
 * Makes ledger and store agree when the hub starts, before any agent is greeted (F38). Where the store lacks what the
 * ledger says is stored, a stream goes back, so that its agent sends again what its replay window holds; what it keeps no
 * more is then taken from the store or becomes a gap, by number. Nothing of the store is ever deleted for it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError } from '../../protocols/errors.ts';
import type { AuditLog } from '../access/audit.ts';
import { finishReplay } from '../ingest/replay.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { isWaitedOut } from '../ledger/waited-out.ts';
import type { TelemetryStore } from '../store/store.ts';
import { compareStanding } from './standing.ts';

export interface AgreeOptions {
  readonly ledger: Ledger;
  readonly store: Pick<TelemetryStore, 'account' | 'reader' | 'writer'>;
  readonly audit: Pick<AuditLog, 'append'>;
  readonly log: { warn(fields: object, message: string): void; error(fields: object, message: string): void };
}

const retryMs = 1000;

/** Waits for a store that is away. Resolves early when the signal aborts. */
export async function agreeWithStore(options: AgreeOptions, signal: AbortSignal): Promise<void> {
  const { log } = options;
  for (let told = false; !signal.aborted; told = true) {
    try {
      return await agree(options, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ConnectionError) && !isWaitedOut(error)) throw error;
      if (!told) log.warn({ err: error }, 'the store cannot be compared with the ledger yet; agents wait until it can');
      await delay(retryMs, undefined, { signal }).catch(() => {});
    }
  }
}

async function agree({ ledger, store, audit, log }: AgreeOptions, signal: AbortSignal): Promise<void> {
  const { gone } = await store.account(signal);
  ledger.expire({ before: Number.NEGATIVE_INFINITY, through: gone });
  await finishReplay({ ledger, store }, signal);
  const { lacking, ahead } = await compareStanding({ ledger, store }, signal);
  for (const { stream, first, last, kind } of lacking) {
    const before = ledger.streams().find(({ number }) => number === stream)!;
    const { agent, through } = before;
    if (through < first) continue;
    const to = ledger.rewind(stream, first - 1);
    audit.append({
      who: 'hub',
      what: 'stream.rewind',
      object: `${agent} ${stream}`,
      details: { from: through, to, why: `the store lacks ${first} to ${last}: ${kind}` },
    });
    log.error(
      { agent, stream, from: through, to, kind, alarm: 'STORE_BEHIND' },
      'the store lacks what the ledger says is stored; the agent sends it again, what it has no more becomes a gap',
    );
  }
  for (const { stream, through, highest } of ahead) {
    log.warn(
      { stream, through, highest },
      'the store holds more than the ledger knows: it is taken in as agents greet',
    );
  }
}

/**
 * The bare official client as a yardstick: the same lines to an InfluxDB of its own, 5,000 a request and two requests
 * under way, without checks. What the store makes of this rate is the store's cost.
 */
import { InfluxDB } from '@influxdata/influxdb-client';
import { encodeLines } from '../../hub/store/influx/line.ts';
import type { StoreBatch } from '../../hub/store/store.ts';
import { startInfluxd } from '../support/influxd.ts';

export interface ReferenceInflux extends AsyncDisposable {
  /** Builds the lines at once; the function it gives sends them, and resolves when all are answered with 204. */
  prepare(batches: readonly StoreBatch[]): () => Promise<void>;
}

const linesPerRequest = 5000;
const requestsAtOnce = 2;

export async function openReferenceInflux(dir: string): Promise<ReferenceInflux> {
  const influxd = await startInfluxd({ dir });
  await fetch(`${influxd.url}/query`, {
    method: 'POST',
    body: new URLSearchParams({ q: 'CREATE DATABASE reference' }),
  });
  const client = new InfluxDB({ url: influxd.url });

  async function send(lines: readonly string[]): Promise<void> {
    const api = client.getWriteApi('', '', 'ns', {
      batchSize: linesPerRequest + 1,
      maxBatchBytes: Number.MAX_SAFE_INTEGER,
      maxRetries: 0,
      flushInterval: 0,
      gzipThreshold: Number.MAX_SAFE_INTEGER,
    });
    api.path = '/write?db=reference&precision=ns';
    api.writeRecords([...lines]);
    await api.flush();
  }

  function prepare(batches: readonly StoreBatch[]): () => Promise<void> {
    const lines = batches.flatMap((batch) =>
      batch.numbers.map((_, index) => encodeLines([{ batch, from: index, to: index + 1 }]).trimEnd()),
    );
    return async () => {
      let next = 0;
      const sender = async () => {
        while (next < lines.length) {
          const request = lines.slice(next, next + linesPerRequest);
          next += linesPerRequest;
          await send(request);
        }
      };
      await Promise.all(Array.from({ length: requestsAtOnce }, sender));
    };
  }

  return {
    prepare,
    [Symbol.asyncDispose]: () => influxd.stop(),
  };
}

/**
 * `latency` and `memory-*` at 1,000 samples a second through the whole chain: field device, agent, mosquitto, hub,
 * embedded store. Latency is from the gateway's read to the value in `/series`, seen by asking again and again.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { absentSource, fillBuffer } from './backlog.ts';
import type { Bench } from './bench.ts';
import { type Chain, residentMb, startChain } from './chain.ts';
import { type Field, startModbusField, startOpcuaField } from './field.ts';

const warmUpMs = 15_000;
const measureMs = 60_000;
const pollMs = 10;
const backlogSamples = 10_000_000;

export const live: Bench = {
  names: [
    'latency-p50',
    'latency-p99',
    'memory-agent-modbus',
    'memory-agent-opcua',
    'memory-hub',
    'memory-agent-backlog',
  ],
  async *run({ dir, progress }) {
    const folder = (name: string) => {
      const path = join(dir, name);
      mkdirSync(path);
      return path;
    };
    {
      progress(`latency: ${measureMs / 1000} s over Modbus`);
      await using field = await startModbusField();
      await using chain = await startChain(folder('live-modbus'), 'duckdb');
      const agent = chain.startAgent(field.sources);
      await delay(warmUpMs + 30_000);
      const hubMb = residentMb(chain.hub);
      const latencies = (await measureLatencies(chain, field)).sort((a, b) => a - b);
      const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!;
      const note = `${latencies.length} values, asked for every ${pollMs} ms`;
      yield { name: 'latency-p50', value: at(0.5), unit: 'ms', reference: null, note };
      yield { name: 'latency-p99', value: at(0.99), unit: 'ms', reference: null, note };
      yield { name: 'memory-agent-modbus', value: residentMb(agent), unit: 'MB', reference: null };
      const asked = `before anybody asked; ${residentMb(chain.hub).toFixed(0)} MB after ${latencies.length} values were watched`;
      yield { name: 'memory-hub', value: hubMb, unit: 'MB', reference: null, note: asked };
    }
    {
      progress('memory: OPC UA');
      await using field = await startOpcuaField(folder('opcua-field'));
      await using chain = await startChain(folder('live-opcua'), 'duckdb');
      const agent = chain.startAgent(field.sources);
      await delay(warmUpMs + 30_000);
      yield { name: 'memory-agent-opcua', value: residentMb(agent), unit: 'MB', reference: null };
    }
    {
      progress(`memory: a backlog of ${backlogSamples} samples that waits`);
      await using chain = await startChain(folder('waiting'), 'duckdb');
      fillBuffer(chain.agentDir, backlogSamples);
      await chain.hub.stop(10_000);
      const agent = chain.startAgent(absentSource);
      await delay(10_000);
      const early = residentMb(agent);
      await delay(30_000);
      const note = `${early.toFixed(0)} MB after 10 s, this after 40 s`;
      yield { name: 'memory-agent-backlog', value: residentMb(agent), unit: 'MB', reference: null, note };
    }
  },
};

async function measureLatencies(chain: Chain, field: Field): Promise<number[]> {
  const watched = [0, 333, 666, 999].map((i) => ({ path: `bench/plant/${field.paths[i]}`, newest: '' }));
  const latencies: number[] = [];
  const end = Date.now() + measureMs;
  while (Date.now() < end) {
    for (const tag of watched) {
      const series = await chain.get<{ data: { time: string }[] }>(`/api/v1/series?tag=${tag.path}&limit=1`);
      const time = series.data.at(-1)?.time ?? '';
      if (time > tag.newest) {
        if (tag.newest !== '') latencies.push(Date.now() - Date.parse(time));
        tag.newest = time;
      }
    }
    await delay(pollMs);
  }
  return latencies;
}

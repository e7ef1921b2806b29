/** `restart-agent`: kill -9 of an agent with a backlog of an hour, and from its new start to the first new sample accepted. */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openBufferFile } from '../../edge-agent/buffer/file.ts';
import { askAgent } from '../../edge-agent/status/client.ts';
import type { AgentReport } from '../../edge-agent/status/report.ts';
import { fillBuffer } from './backlog.ts';
import type { Bench } from './bench.ts';
import { startChain } from './chain.ts';
import { startModbusField } from './field.ts';

const backlogSamples = 3_600_000;
const rounds = 5;
const pollMs = 5;
const longestMs = 30_000;

export const restart: Bench = {
  names: ['restart-agent'],
  async *run({ dir, progress }) {
    await using field = await startModbusField();
    await using chain = await startChain(join(dir, 'restart'), 'duckdb');
    fillBuffer(chain.agentDir, backlogSamples);
    await chain.hub.stop(10_000);
    const next = async () =>
      ((await askAgent(chain.agentDir, 'GET', '/api/status').catch(() => undefined)) as AgentReport | undefined)?.link
        .next ?? 0;
    const nextInFile = () => {
      const file = openBufferFile({ dir: join(chain.agentDir, 'buffer'), maxBytes: 16 * 1024 ** 3 });
      const { next: given } = file.state();
      file.close();
      return given;
    };
    let known = nextInFile();
    const firstSampleMs = async () => {
      const startedAt = performance.now();
      const agent = chain.startAgent(field.sources);
      while ((await next()) <= known) {
        if (performance.now() - startedAt > longestMs) throw new Error('the agent measures nothing');
        await delay(pollMs);
      }
      const tookMs = performance.now() - startedAt;
      await delay(1000);
      agent.process.kill('SIGKILL');
      await once(agent.process, 'exit');
      known = nextInFile();
      return tookMs;
    };
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`restart: ${round + 1} of ${rounds}`);
      times.push(await firstSampleMs());
    }
    const note = `the longest of ${rounds}, ${backlogSamples} samples waiting; ${times.map((ms) => ms.toFixed()).join(', ')} ms`;
    yield { name: 'restart-agent', value: Math.max(...times) / 1000, unit: 's', reference: null, note, atMost: 3 };
  },
};

/** Many light agents in one process of their own. Told what to do, and asked how they stand, over the channel to its parent. */
import { subscribe } from 'node:diagnostics_channel';
import { createHistogram } from 'node:perf_hooks';
import { createLightAgent } from './fleet-agent.ts';

export interface FleetOrder {
  readonly url: string;
  readonly agents: readonly { readonly id: string; readonly password: string }[];
  readonly tags: number;
}

/** Since the last mark, where nothing else is said. */
export interface FleetState {
  readonly agents: number;
  /** Agents of which the hub has settled something. */
  readonly settling: number;
  readonly forwarding: number;
  /** TCP connections tried since the start, and those that became sessions. */
  readonly attempts: { readonly all: number; readonly answered: number };
  /** Samples settled since the start. */
  readonly samples: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
  /** Of the frame that waits longest now. */
  readonly oldestMs: number;
  /** Seconds of processor time since the start. */
  readonly cpuS: number;
  readonly rssMb: number;
}

const order: FleetOrder = JSON.parse(await new Promise<string>((resolve) => process.once('message', resolve)));
const stop = new AbortController();
const lags = createHistogram();
let frames = 0;
let sockets = 0;
// Counted below every library: whatever anybody tries for whatever reason. This process has no other connections.
subscribe('net.client.socket', () => {
  sockets += 1;
});
let warnings = 0;

const log = {
  warn(fields: object, message: string) {
    // A storm has thousands; the first few tell what there is to know.
    if (++warnings <= 20)
      console.log(
        message,
        JSON.stringify(fields, (_, v) => (v instanceof Error ? v.message : v)),
      );
  },
};
const agents = await Promise.all(
  order.agents.map((account) => {
    const onSettled = (lagMs: number) => {
      frames += 1;
      lags.record(Math.max(1, Math.round(lagMs)));
    };
    return createLightAgent({ url: order.url, ...account, tags: order.tags, onSettled, log });
  }),
);
let marks = agents.map(({ through }) => through);

for (const [i, agent] of agents.entries()) {
  // Each at its own time of the second, as gateways are; the first connections come over a few seconds.
  setTimeout(
    () => {
      void agent.run(stop.signal);
      let due = performance.now();
      const tick = () => {
        void agent.measure();
        due += 1000;
        setTimeout(tick, Math.max(0, due - performance.now()));
      };
      tick();
    },
    Math.floor((i * 5000) / agents.length) + Math.random() * 1000,
  );
}

process.on('message', (message) => {
  if (message === 'mark') {
    marks = agents.map(({ through }) => through);
    lags.reset();
  }
  process.send!(state());
});
process.on('disconnect', () => process.exit());

function state(): FleetState {
  const { user, system } = process.cpuUsage();
  return {
    agents: agents.length,
    settling: agents.filter(({ through }, i) => through > marks[i]!).length,
    forwarding: agents.filter(({ link }) => link === 'forwarding').length,
    attempts: { all: sockets, answered: agents.reduce((sum, { sessions }) => sum + sessions, 0) },
    samples: frames * order.tags,
    lagP99Ms: lags.percentile(99),
    lagMaxMs: lags.count > 0 ? lags.max : 0,
    oldestMs: Math.max(...agents.map((agent) => agent.oldestMs())),
    cpuS: (user + system) / 1e6,
    rssMb: process.memoryUsage.rss() / 1024 ** 2,
  };
}

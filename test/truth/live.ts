/** The demo's two plants live for some days on a clock that runs as fast as it goes, through the whole hub. */
import { setTimeout as delay } from 'node:timers/promises';
import type { PlantFile } from '../../hub/plant/book.ts';
import { createFactory } from '../../protocols/simulator/factory.ts';
import type { TagDeclaration } from '../../protocols/tag-config.ts';
import { createStepClock, type StepClock } from '../support/step-clock.ts';
import { startVirtualHub, type VirtualHub } from '../support/virtual-hub.ts';
import { type DemoAgents, startDemoAgents } from './agents.ts';
import { type Recording, recordTruth } from './recording.ts';
import { dayUs, hourUs, type Mishap, minuteUs } from './scenario.ts';

export interface LiveOptions {
  readonly dir: string;
  readonly influx?: string | undefined;
  readonly startUs: number;
  readonly days: number;
  readonly plants: readonly PlantFile[];
  readonly mishaps?: readonly Mishap[];
  /** So often the hub gets what was measured, and makes a pass. */
  readonly stepUs: number;
  /** So often everything is measured; as in the demo where nobody says. */
  readonly everyUs?: number;
  readonly measured?: (tag: TagDeclaration) => boolean;
  /** The hub has each frame when it would have it in life; slower. */
  readonly isPunctual?: boolean;
  /** What people say at the end of the days. */
  said?(hub: VirtualHub, truth: Recording, endUs: number): Promise<void>;
  progress?(text: string): void;
}

export interface Lived extends AsyncDisposable {
  readonly hub: VirtualHub;
  readonly agents: DemoAgents;
  readonly truth: Recording;
  readonly endUs: number;
  /** Up to here the hub has computed. */
  readonly computedUs: number;
  readonly clock: StepClock;
}

/** After the end, until everything is final. */
const afterUs = 30 * minuteUs;

/** Those that a figure is made of; the others only fill the store. */
export const figuresOnly = ({ role, path }: TagDeclaration): boolean =>
  (role !== 'process' && role !== 'alarm' && role !== 'q_kvar' && role !== 'power_factor') ||
  path.endsWith('/mode') ||
  path.endsWith('/kvarh') ||
  path === 'utilities/compressor/power';

export async function live(options: LiveOptions): Promise<Lived> {
  const { dir, influx, startUs, days, plants, stepUs, progress, mishaps = [] } = options;
  await using opened = new AsyncDisposableStack();
  const factory = createFactory({ seed: 7, startUs, extraCurtailments: [] });
  const truth = recordTruth(factory);
  const clock = createStepClock(startUs);
  const hub = opened.use(await startVirtualHub({ dir, clock, plants, agents: ['machining', 'packaging'], influx }));
  const agents = opened.use(await startDemoAgents({ ...options, factory, hub, hubClock: clock, mishaps }));
  const endUs = startUs + days * dayUs;
  for (let time = startUs + stepUs; time <= endUs; time += stepUs) {
    await agents.liveUntil(time);
    if ((time - startUs) % (6 * hourUs) === 0) progress?.(`${(time - startUs) / hourUs} hours`);
  }
  await agents.liveUntil(endUs + afterUs);
  agents.rest();
  await options.said?.(hub, truth, endUs);
  const computedUs = await passOver(hub, clock, endUs + 2 * afterUs);
  const running = opened.move();
  return { hub, agents, truth, endUs, computedUs, clock, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

const quarterUs = 15 * minuteUs;
const mostPasses = 40;

/**
 * A pass over what came last. Buckets that run on are made anew as often as it is worth its time, so on a busy machine
 * not at each pass.
 *
 * @returns up to when all of them are computed
 */
async function passOver(hub: VirtualHub, clock: StepClock, fromUs: number): Promise<number> {
  const iso = (time: number) => new Date(time / 1000).toISOString();
  for (let pass = 0; pass < mostPasses; pass++) {
    const time = fromUs + pass * quarterUs;
    await Promise.race([clock.advanceTo(time), hub.ended]);
    const range = `from=${iso(time - quarterUs)}&to=${iso(time)}`;
    // What is final is merged upwards at every pass; the cell that has just run out is there only after a refresh.
    const { data } = await hub.get<{ data: { computed_at: string }[] }>(
      `/api/v1/kpi-values?granularity=15min&kpi=en.kwh&${range}`,
    );
    if (data.length > 0 && data.every(({ computed_at }) => Date.parse(computed_at) * 1000 >= time)) return time;
    await delay(500);
  }
  throw new Error(`what runs on was not computed anew in ${mostPasses} passes`);
}

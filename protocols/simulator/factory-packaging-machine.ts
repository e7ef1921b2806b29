/**
 * A machine of the packaging line (filler, capper, packer). It shows a status word with one bit set at a time and
 * waits for its neighbours through the conveyors before and after it.
 */
import { type Curtailments, nextPlannedStop, plannedStopAt } from './factory-calendar.ts';
import type { Conveyor } from './factory-conveyor.ts';
import { createCounters } from './factory-counters.ts';
import { createMishaps } from './factory-mishaps.ts';
import type { Random } from './factory-random.ts';
import type { Canonical, Recorder } from './factory-record.ts';
import { createThermalMass, quantise } from './factory-sensors.ts';
import { type Process, secondsUs, type Timeline, type Wait } from './factory-timeline.ts';

export interface PackagingMachineOptions {
  /** Path of the unit. */
  readonly unit: string;
  readonly plannedRunTimeS: number;
  readonly scrapRatio: number;
  readonly counterModulus: number;
  readonly untilRollover: number;
  readonly runningW: number;
  /** What is kept hot while the machine is ready, in °C: product, glue. */
  readonly heat?: number;
  /** Pieces of the order that runs at the start, for the first machine of the line. */
  readonly firstOrderPieces?: number;
  /** Operating time to the first failure, from and to. */
  readonly firstFailureS?: readonly [number, number];
  readonly infeed?: Conveyor;
  readonly outfeed?: Conveyor;
}

export interface PackagingMachine {
  readonly process: Process;
  readonly running: boolean;
  /** Sets the measured values of the second that begins now; returns the power drawn during it, in W. */
  second(): number;
}

/** The status word; exactly one bit is set. */
const status = {
  running: 1,
  fault: 1 << 1,
  setup: 1 << 2,
  starved: 1 << 3,
  blocked: 1 << 4,
  powerLimited: 1 << 5,
  idle: 1 << 6,
  plannedStop: 1 << 7,
} as const;
type Status = keyof typeof status;

const canonicalOf: { readonly [name in Status]: Canonical } = {
  running: 'RUN',
  fault: 'FAULT',
  setup: 'SETUP',
  starved: 'STARVED',
  blocked: 'BLOCKED',
  powerLimited: 'POWER_CURTAIL',
  idle: 'IDLE',
  plannedStop: 'PLANNED_STOP',
};

/** Power drawn in a state, as a share of what running takes. */
const draw: { readonly [name in Status]: number } = {
  running: 1,
  fault: 0.14,
  setup: 0.22,
  starved: 0.3,
  blocked: 0.3,
  powerLimited: 0.03,
  idle: 0.25,
  plannedStop: 0.08,
};

export function createPackagingMachine(
  timeline: Timeline,
  record: Recorder,
  random: Random,
  curtailments: Curtailments,
  options: PackagingMachineOptions,
): PackagingMachine {
  const { unit, infeed, outfeed } = options;
  const now = timeline.now;
  const mishaps = createMishaps(
    {
      failure: { everyS: 1200, lastsS: [20, 150], firstS: options.firstFailureS },
      minorStop: { everyS: 400, lastsS: [4, 20] },
    },
    random,
  );
  const drawPace = (): number => random.between(1, 1.1);
  const drawCycle = (): number => secondsUs(options.plannedRunTimeS * pace * random.between(1, 1.04));
  /** Brakes do not all take the same time. */
  const lateUs = secondsUs(random.between(0.3, 3));

  let state: Status = plannedStopAt(now()) ? 'plannedStop' : curtailments.activeAt(now()) ? 'powerLimited' : 'running';
  /** How much slower than planned the order runs. */
  let pace = drawPace();
  let cycleUs = drawCycle();
  let leftUs = cycleUs;
  let order = 0;
  let orderPieces = options.firstOrderPieces ?? Number.POSITIVE_INFINITY;

  const showStatus = record.signal(`${unit}/status`, status[state]);
  const countPiece = createCounters(record, {
    unit,
    modulus: options.counterModulus,
    untilRollover: options.untilRollover,
    scrap: 9,
  });
  const showSpeed = record.signal(`${unit}/speed`, 0);
  const heater = options.heat && createThermalMass({ start: options.heat, timeConstantS: 700 });
  const showTemperature = heater && record.signal(`${unit}/temperature`, quantise(heater.temperature, 1));

  const tellState = (): void =>
    record.tell({ type: 'state', unit, state: status[state], canonical: canonicalOf[state] });
  const enter = (next: Status): void => {
    if (next === state) return;
    state = next;
    showStatus(status[state]);
    tellState();
  };
  const after = (fromS: number, toS: number): Wait => ({ until: now() + secondsUs(random.between(fromS, toS)) });
  const nextInterruption = (): number => Math.min(nextPlannedStop(now()).startUs, curtailments.nextChange(now()));

  function* live(): Process {
    tellState();
    for (;;) {
      const stop = plannedStopAt(now());
      if (stop) yield* standStill('plannedStop', stop.endUs);
      else if (curtailments.activeAt(now())) yield* standStill('powerLimited', nextInterruption());
      else if (orderPieces === 0 || (infeed?.starving && infeed.order > order)) yield* setUp();
      else if (infeed?.starving) yield* wait('starved', infeed.filled);
      else if (outfeed?.full) yield* wait('blocked', outfeed.drained);
      else yield* run();
    }
  }

  function* standStill(why: 'plannedStop' | 'powerLimited', until: number): Process {
    enter(why);
    yield { until };
    if (plannedStopAt(now()) || curtailments.activeAt(now())) return;
    enter('idle');
    yield after(3, 14);
  }

  function* wait(why: 'starved' | 'blocked', gate: Wait['gate']): Process {
    enter(why);
    yield { until: nextInterruption() + lateUs, gate };
  }

  function* setUp(): Process {
    if (infeed) order = infeed.order;
    else {
      order++;
      orderPieces = Math.round((random.between(30, 60) * 60) / options.plannedRunTimeS);
    }
    if (outfeed) outfeed.order = order;
    pace = drawPace();
    enter('setup');
    yield after(120, 240);
  }

  function* run(): Process {
    enter('running');
    const since = now();
    const mishap = mishaps.next();
    yield { until: Math.min(since + leftUs, since + mishap.inUs, nextInterruption() + lateUs) };
    const ranUs = now() - since;
    leftUs -= ranUs;
    mishaps.ran(ranUs);
    if (leftUs === 0) finishPiece();
    if (mishap.inUs !== ranUs) return;
    const lastsS = mishaps.happen(mishap.kind);
    enter(mishap.kind === 'failure' ? 'fault' : 'idle');
    yield after(lastsS, lastsS);
  }

  function finishPiece(): void {
    const good = !random.chance(options.scrapRatio);
    countPiece(good);
    infeed?.take();
    if (good) outfeed?.put();
    cycleUs = drawCycle();
    leftUs = cycleUs;
    orderPieces--;
  }

  const second = (): number => {
    const running = state === 'running';
    showSpeed(running ? quantise(60e6 / cycleUs, 1) : 0);
    if (heater && showTemperature) {
      const heated = state !== 'plannedStop' && state !== 'powerLimited';
      heater.second(heated ? options.heat! + random.between(-6, 6) : 30);
      showTemperature(quantise(heater.temperature, 1));
    }
    return Math.round(options.runningW * draw[state] * random.between(0.98, 1.02));
  };

  return {
    process: live(),
    get running() {
      return state === 'running';
    },
    second,
  };
}

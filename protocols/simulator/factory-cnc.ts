/**
 * A CNC machine of the machining plant with a PackML state machine (OPC 30050 numbers). A workpiece that a stop
 * interrupts is finished afterwards, so the operating time between two pieces is always one cycle.
 */
import { nextPlannedStop, plannedStopAt } from './factory-calendar.ts';
import { createCounters } from './factory-counters.ts';
import { createMishaps } from './factory-mishaps.ts';
import type { Random } from './factory-random.ts';
import type { Canonical, Recorder } from './factory-record.ts';
import { createThermalMass, quantise } from './factory-sensors.ts';
import { type Process, secondsUs, type Timeline, type Wait } from './factory-timeline.ts';

export interface CncOptions {
  /** Path of the unit. */
  readonly unit: string;
  readonly plannedRunTimeS: number;
  readonly scrapRatio: number;
  /** Spindle load of this machine's work, 1 is ordinary. */
  readonly heaviness: number;
  /** Pieces of the order that runs at the start; a setup follows. */
  readonly firstOrderPieces?: number;
  /** Operating time to the first failure, from and to. */
  readonly firstFailureS?: readonly [number, number];
  readonly untilRollover: number;
}

export interface Cnc {
  readonly process: Process;
  /** Sets the measured values of the second that begins now; returns the power drawn during it, in W. */
  second(): number;
}

/** OPC 30050. */
const packml = {
  clearing: 1,
  stopped: 2,
  starting: 3,
  idle: 4,
  suspended: 5,
  execute: 6,
  stopping: 7,
  aborting: 8,
  aborted: 9,
  holding: 10,
  held: 11,
  unholding: 12,
  suspending: 13,
  unsuspending: 14,
  resetting: 15,
  completing: 16,
  complete: 17,
} as const;
type PackmlState = (typeof packml)[keyof typeof packml];

const mode = { production: 1, setup: 4 } as const;

/** kpi.md §1.4. A machine is suspended here for want of blanks only. */
const canonicalOf: { readonly [state in PackmlState]: Canonical } = {
  [packml.clearing]: 'FAULT',
  [packml.stopped]: 'IDLE',
  [packml.starting]: 'TRANSIENT',
  [packml.idle]: 'IDLE',
  [packml.suspended]: 'STARVED',
  [packml.execute]: 'RUN',
  [packml.stopping]: 'TRANSIENT',
  [packml.aborting]: 'FAULT',
  [packml.aborted]: 'FAULT',
  [packml.holding]: 'HELD',
  [packml.held]: 'HELD',
  [packml.unholding]: 'TRANSIENT',
  [packml.suspending]: 'STARVED',
  [packml.unsuspending]: 'TRANSIENT',
  [packml.resetting]: 'TRANSIENT',
  [packml.completing]: 'TRANSIENT',
  [packml.complete]: 'IDLE',
};

const alarms = [
  'E1204 spindle overload',
  'E2017 tool breakage detected',
  'E3102 hydraulic pressure low',
  'E4410 axis X following error',
  'E5003 coolant flow low',
] as const;

/** Spindle load over a cycle: until this share of it, at this level in %. */
const passes = [
  [0.07, 4],
  [0.45, 61],
  [0.52, 6],
  [0.84, 42],
  [1, 23],
] as const;

export function createCnc(timeline: Timeline, record: Recorder, random: Random, options: CncOptions): Cnc {
  const { unit } = options;
  const now = timeline.now;
  const mishaps = createMishaps(
    {
      failure: { everyS: 1500, lastsS: [20, 180], firstS: options.firstFailureS },
      hold: { everyS: 600, lastsS: [5, 75] },
      starvation: { everyS: 900, lastsS: [8, 60] },
    },
    random,
  );
  const drawPace = (): number => random.between(1, 1.1);
  const drawCycle = (): number => secondsUs(options.plannedRunTimeS * pace * random.between(1, 1.04));
  const drawOrder = (): number => Math.round((random.between(30, 60) * 60) / options.plannedRunTimeS);
  /** The operator comes a little after the bell. */
  const lateUs = secondsUs(random.between(0.5, 6));

  let state: PackmlState = plannedStopAt(now()) ? packml.stopped : packml.execute;
  let canonical: Canonical | undefined;
  let operationMode: number = mode.production;
  /** How much slower than planned the order runs. */
  let pace = drawPace();
  let cycleUs = drawCycle();
  let leftUs = secondsUs((cycleUs / 1e6) * random.between(0.2, 0.9));
  let executeSince = now();
  let orderPieces = options.firstOrderPieces ?? random.integer(1, drawOrder());

  const showState = record.signal(`${unit}/state`, state);
  const showMode = record.signal(`${unit}/mode`, operationMode);
  const countPiece = createCounters(record, { unit, modulus: 2 ** 16, untilRollover: options.untilRollover, scrap: 3 });
  const showLoad = record.signal(`${unit}/spindle-load`, 0);
  const showAlarm = record.text(`${unit}/alarm`, '');
  const spindle = createThermalMass({ start: 41, timeConstantS: 420 });
  const showTemperature = record.signal(`${unit}/temperature`, quantise(spindle.temperature, 1));

  const enter = (next: PackmlState, nextMode: number = operationMode): void => {
    const resting = next === packml.stopped && plannedStopAt(now());
    const meaning = nextMode === mode.setup ? 'SETUP' : resting ? 'PLANNED_STOP' : canonicalOf[next];
    if (next === state && nextMode === operationMode && meaning === canonical) return;
    state = next;
    operationMode = nextMode;
    canonical = meaning;
    showMode(nextMode);
    showState(next);
    record.tell({ type: 'state', unit, state, mode: operationMode, canonical });
  };
  const after = (fromS: number, toS = fromS): Wait => ({ until: now() + secondsUs(random.between(fromS, toS)) });

  function* live(): Process {
    for (;;) {
      const stop = plannedStopAt(now());
      if (stop) yield* rest(stop.endUs);
      else if (orderPieces === 0) yield* setUp();
      else yield* execute();
    }
  }

  function* execute(): Process {
    enter(packml.execute);
    executeSince = now();
    const mishap = mishaps.next();
    yield { until: Math.min(now() + leftUs, now() + mishap.inUs, nextPlannedStop(now()).startUs + lateUs) };
    const ranUs = now() - executeSince;
    leftUs -= ranUs;
    mishaps.ran(ranUs);
    if (leftUs === 0) finishPiece();
    if (mishap.inUs !== ranUs) return;
    const lastsS = mishaps.happen(mishap.kind);
    if (mishap.kind === 'failure') yield* fail(lastsS);
    else if (mishap.kind === 'hold') yield* pause(packml.holding, packml.held, packml.unholding, lastsS);
    else yield* pause(packml.suspending, packml.suspended, packml.unsuspending, lastsS);
  }

  function finishPiece(): void {
    countPiece(!random.chance(options.scrapRatio));
    cycleUs = drawCycle();
    leftUs = cycleUs;
    orderPieces--;
  }

  function* fail(lastsS: number): Process {
    showAlarm(random.pick(alarms));
    enter(packml.aborting);
    yield after(1.2);
    enter(packml.aborted);
    yield after(lastsS);
    enter(packml.clearing);
    yield after(4, 9);
    showAlarm('');
    enter(packml.stopped);
    if (!plannedStopAt(now())) yield* start();
  }

  function* pause(going: PackmlState, gone: PackmlState, coming: PackmlState, lastsS: number): Process {
    enter(going);
    yield after(0.8);
    enter(gone);
    yield after(lastsS);
    enter(coming);
    yield after(1);
  }

  function* setUp(): Process {
    enter(packml.completing);
    yield after(2);
    enter(packml.complete);
    yield after(6, 20);
    enter(packml.resetting);
    yield after(2);
    enter(packml.idle, mode.setup);
    yield after(120, 240);
    enter(packml.starting, mode.production);
    yield after(2);
    orderPieces = drawOrder();
    pace = drawPace();
  }

  function* rest(endUs: number): Process {
    if (state !== packml.stopped) {
      enter(packml.stopping);
      yield after(1.5);
    }
    enter(packml.stopped);
    if (now() < endUs) yield { until: endUs };
    enter(packml.stopped);
    yield after(4, 20);
    yield* start();
  }

  function* start(): Process {
    yield after(1.5);
    enter(packml.resetting);
    yield after(2);
    enter(packml.idle);
    yield after(1);
    enter(packml.starting);
    yield after(2);
  }

  const spindleLoad = (): number => {
    if (state !== packml.execute) return 0;
    const done = (cycleUs - leftUs + now() - executeSince) / cycleUs;
    const level = passes.find(([until]) => done < until)?.[1] ?? 0;
    return Math.max(0, level * options.heaviness + random.between(-1.6, 1.6));
  };

  const second = (): number => {
    const load = spindleLoad();
    showLoad(quantise(load, 1));
    spindle.second(24 + load * 0.6);
    showTemperature(quantise(spindle.temperature, 1));
    const standbyW = state === packml.stopped ? 850 : state === packml.aborted ? 1400 : 2300;
    return Math.round(standbyW + load * 128 + random.between(-25, 25));
  };

  return { process: begin(), second };

  function* begin(): Process {
    enter(state);
    yield* live();
  }
}

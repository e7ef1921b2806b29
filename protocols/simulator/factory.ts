/**
 * The demo factory: two plants that live by one seed. No I/O and no clock of its own; whoever drives it says how far
 * time has come, and the same seed and start give the same history whatever the steps.
 */
import type { TimeUs } from '../sample.ts';
import {
  type Curtailments,
  createCurtailments,
  demoCurtailment,
  nextCalendarChange,
  plannedStopAt,
  shiftAt,
  type Window,
} from './factory-calendar.ts';
import { createMachiningPlant, machiningPlant } from './factory-machining-plant.ts';
import { createPackagingPlant, curtailedLimitKw, packagingPlant } from './factory-packaging-plant.ts';
import type { PlannedUnit, PlantContext } from './factory-plant.ts';
import { createRandom } from './factory-random.ts';
import { createRecord, type FactoryEvent, type FactoryListener, type Recorder, type Signal } from './factory-record.ts';
import { createTimeline, type Process, secondsUs, type Timeline } from './factory-timeline.ts';

export interface FactoryOptions {
  readonly seed: number;
  /** Beginning of the history; taken down to the whole second. */
  readonly startUs: TimeUs;
  /** Curtailments of the packaging plant besides 12:00 to 12:30 every day; one 14 min after the start where absent. */
  readonly extraCurtailments?: readonly Window[];
}

export interface Factory {
  readonly seed: number;
  readonly startUs: TimeUs;
  readonly extraCurtailments: readonly Window[];
  readonly units: readonly (PlannedUnit & { readonly plant: string })[];
  /** Lets everything happen up to and including this time. An earlier time than the last one changes nothing. */
  advanceTo(time: TimeUs): void;
  /** Every tag of both plants; each object keeps its identity and shows the value of now. */
  signals(): readonly Signal[];
  /** The latest event of every unit, meter and calendar: what the state of everything is now. */
  latest(): readonly FactoryEvent[];
  /** Hears of every change and event while time advances, in order. Returns a function that ends it. */
  listen(listener: FactoryListener): () => void;
}

export function createFactory(options: FactoryOptions): Factory {
  const { seed } = options;
  const startUs = Math.floor(options.startUs / 1e6) * 1e6;
  const extraCurtailments = options.extraCurtailments ?? [demoCurtailment(startUs)];
  const curtailments = createCurtailments(extraCurtailments);
  const timeline = createTimeline(startUs);
  const record = createRecord(timeline.now);

  const contextOf = (plant: string): PlantContext => ({
    timeline,
    record: record.recorder(plant),
    random: (stream) => createRandom(seed, `${plant}/${stream}`),
  });
  const machining = contextOf(machiningPlant);
  const packaging = contextOf(packagingPlant);
  const plants = {
    [machiningPlant]: createMachiningPlant(machining),
    [packagingPlant]: createPackagingPlant(packaging, curtailments),
  };
  for (const plant of Object.values(plants)) timeline.run(everySecond(timeline, plant.second));
  for (const { record: recorder } of [machining, packaging]) timeline.run(tellCalendar(timeline, recorder));
  timeline.run(tellCurtailments(timeline, packaging.record, curtailments));

  return {
    seed,
    startUs,
    extraCurtailments,
    units: Object.entries(plants).flatMap(([plant, { units }]) => units.map((unit) => ({ plant, ...unit }))),
    advanceTo: timeline.advanceTo,
    signals: () => record.signals,
    latest: record.latest,
    listen: record.listen,
  };
}

function* everySecond({ now }: Timeline, act: () => void): Process {
  for (;;) {
    act();
    yield { until: now() + secondsUs(1) };
  }
}

function* tellCalendar({ now }: Timeline, record: Recorder): Process {
  for (;;) {
    record.tell({ type: 'calendar', shift: shiftAt(now()), plannedStop: plannedStopAt(now())?.kind ?? null });
    yield { until: nextCalendarChange(now()) };
  }
}

function* tellCurtailments({ now }: Timeline, record: Recorder, curtailments: Curtailments): Process {
  let told: boolean | undefined;
  for (;;) {
    const active = curtailments.activeAt(now());
    if (active !== told) record.tell({ type: 'curtailment', active, limitKw: curtailedLimitKw });
    told = active;
    yield { until: curtailments.nextChange(now()) };
  }
}

/**
 * The two sides of the demo factory: signals, which its servers show to the world, and events, which only the truth
 * log sees. Both are written through a recorder, one per plant.
 */
import type { TimeUs } from '../sample.ts';
import type { Shift } from './factory-calendar.ts';

/** What a unit really does; the hub must find the same from the raw states. */
export type Canonical =
  | 'RUN'
  | 'SETUP'
  | 'TRANSIENT'
  | 'FAULT'
  | 'HELD'
  | 'STARVED'
  | 'BLOCKED'
  | 'IDLE'
  | 'POWER_CURTAIL'
  | 'PLANNED_STOP';

interface At {
  /** µs UTC of the factory's clock. */
  readonly t: TimeUs;
  /** Path of the site. */
  readonly plant: string;
}

/** A unit changed its state; it stays until the unit's next one. `state` and `mode` are the raw values of its tags. */
export interface StateEvent extends At {
  readonly type: 'state';
  readonly unit: string;
  readonly state: number;
  readonly mode?: number;
  readonly canonical: Canonical;
}

interface PieceEvent extends At {
  readonly type: 'piece';
  readonly unit: string;
  readonly good: boolean;
}

/** At every whole second: active and reactive energy since the start of the history, and the power until the next second. */
interface EnergyEvent extends At {
  readonly type: 'energy';
  readonly meter: string;
  readonly kwh: number;
  readonly kvarh: number;
  readonly kw: number;
}

/** At every whole second: volume since the start of the history. */
interface GasEvent extends At {
  readonly type: 'gas';
  readonly meter: string;
  readonly m3: number;
}

interface CurtailmentEvent extends At {
  readonly type: 'curtailment';
  readonly active: boolean;
  /** Notified limit of the plant's power while it is active. */
  readonly limitKw: number;
}

/** A shift, a break or cleaning began or ended. */
interface CalendarEvent extends At {
  readonly type: 'calendar';
  readonly shift: Shift;
  readonly plannedStop: 'break' | 'cleaning' | null;
}

export type FactoryEvent = StateEvent | PieceEvent | EnergyEvent | GasEvent | CurtailmentEvent | CalendarEvent;

/** A measured value as it is on the wire: raw counts, bits and resolution included. */
export interface Signal {
  readonly plant: string;
  /** Tag path below the site. */
  readonly path: string;
  readonly value: number | string;
  /** When it took this value. */
  readonly time: TimeUs;
}

export interface FactoryListener {
  changed?(signal: Signal): void;
  happened?(event: FactoryEvent): void;
}

type Untold<E> = E extends FactoryEvent ? Omit<E, 't' | 'plant'> : never;

export interface Recorder {
  /** Declares a number; the returned function sets it, and tells only real changes. */
  signal(path: string, value: number): (value: number) => void;
  /** The same for a text. */
  text(path: string, value: string): (value: string) => void;
  tell(event: Untold<FactoryEvent>): void;
}

export interface FactoryRecord {
  recorder(plant: string): Recorder;
  readonly signals: readonly Signal[];
  /** The latest event of everything that lasts: states, meters, curtailment, calendar. */
  latest(): FactoryEvent[];
  listen(listener: FactoryListener): () => void;
}

export function createRecord(now: () => TimeUs): FactoryRecord {
  const signals: Signal[] = [];
  const latest = new Map<string, FactoryEvent>();
  const listeners = new Set<FactoryListener>();

  const declare = <T extends Signal['value']>(plant: string, path: string, value: T): ((value: T) => void) => {
    const signal = { plant, path, value, time: now() };
    signals.push(signal);
    return (next) => {
      if (next === signal.value) return;
      signal.value = next;
      signal.time = now();
      for (const listener of listeners) listener.changed?.(signal);
    };
  };

  const recorder = (plant: string): Recorder => ({
    signal: (path, value) => declare(plant, path, value),
    text: (path, value) => declare(plant, path, value),
    tell(untold) {
      const event = Object.assign({ type: untold.type, t: now(), plant }, untold) as FactoryEvent;
      if (event.type !== 'piece') latest.set(`${event.type} ${plant} ${subject(event)}`, event);
      for (const listener of listeners) listener.happened?.(event);
    },
  });

  return {
    recorder,
    signals,
    latest: () => [...latest.values()],
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const subject = (event: FactoryEvent): string => ('unit' in event ? event.unit : 'meter' in event ? event.meter : '');

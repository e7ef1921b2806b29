/** What the factory itself says that happened, in memory: states, pieces, energy. The truth log has the same. */
import type { Factory } from '../../protocols/simulator/factory.ts';
import type { FactoryEvent, StateEvent } from '../../protocols/simulator/factory-record.ts';
import type { Stretch } from './ranges.ts';
import { clearing, serviced } from './scenario.ts';

export interface UnitRecording {
  readonly plannedRunTimeS: number;
  /** Each holds until the next. */
  readonly states: { readonly t: number; readonly state: string }[];
  readonly pieces: { readonly t: number; readonly good: boolean }[];
}

/** What has run through a meter since the start, at whole seconds; between them it grows evenly. */
export interface MeterRecording {
  readonly seconds: number[];
  /** The same of reactive energy; empty where none is told. */
  readonly reactive: number[];
}

export interface Recording {
  /** By full path. */
  readonly units: ReadonlyMap<string, UnitRecording>;
  readonly meters: ReadonlyMap<string, MeterRecording>;
  /** Breaks and cleaning; the same in both plants. */
  readonly plannedStops: Stretch[];
  readonly breaks: Stretch[];
  /** When the packaging plant had no power for its machines. */
  readonly curtailments: Stretch[];
}

/** Begin before the factory advances. */
export function recordTruth(factory: Factory): Recording {
  const units = new Map<string, UnitRecording>();
  const meters = new Map<string, MeterRecording>();
  const plannedStops: [number, number][] = [];
  const breaks: [number, number][] = [];
  const curtailments: [number, number][] = [];
  for (const { plant, unit, plannedRunTimeS } of factory.units) {
    units.set(`${plant}/${unit}`, { plannedRunTimeS, states: [], pieces: [] });
  }
  const meterOf = (path: string) => {
    const known = meters.get(path) ?? { seconds: [], reactive: [] };
    meters.set(path, known);
    return known;
  };
  const toggle = (stretches: [number, number][], isOn: boolean, time: number) => {
    if (isOn) stretches.push([time, Number.POSITIVE_INFINITY]);
    else if (stretches.at(-1)?.[1] === Number.POSITIVE_INFINITY) stretches.at(-1)![1] = time;
  };
  const compressor = factory.signals().find(({ path }) => path === 'utilities/compressor/power')!;
  const compressorKwh = meterOf(`${compressor.plant}/utilities/compressor`).seconds;
  // What the test takes for an inverter's.
  meters.set(`${compressor.plant}/energy/solar`, meterOf(`${compressor.plant}/utilities/compressor`));
  let compressorKw = 0;

  const happened = (event: FactoryEvent) => {
    switch (event.type) {
      case 'state':
        units.get(`${event.plant}/${event.unit}`)!.states.push({ t: event.t, state: meaning(event) });
        break;
      case 'piece':
        units.get(`${event.plant}/${event.unit}`)!.pieces.push({ t: event.t, good: event.good });
        break;
      case 'energy':
        meterOf(`${event.plant}/${event.meter}`).seconds.push(event.kwh);
        meterOf(`${event.plant}/${event.meter}`).reactive.push(event.kvarh);
        // What its power display shows is all there is of it.
        if (event.plant !== compressor.plant) break;
        compressorKwh.push((compressorKwh.at(-1) ?? 0) + compressorKw / 3600);
        compressorKw = compressor.value as number;
        break;
      case 'gas':
        meterOf(`${event.plant}/${event.meter}`).seconds.push(event.m3);
        break;
      case 'calendar':
        if (event.plant !== compressor.plant) break;
        toggle(plannedStops, event.plannedStop !== null, event.t);
        toggle(breaks, event.plannedStop === 'break', event.t);
        break;
      case 'curtailment':
        toggle(curtailments, event.active, event.t);
        break;
    }
  };
  for (const event of factory.latest()) happened(event);
  factory.listen({ happened });
  return { units, meters, plannedStops, breaks, curtailments };
}

/** As the factory means it, but for the unit that is serviced. */
function meaning({ plant, unit, state, canonical }: StateEvent): string {
  if (`${plant}/${unit}` !== serviced) return canonical;
  return state === clearing ? 'MAINT_CORRECTIVE' : canonical === 'SETUP' ? 'MAINT_PLANNED' : canonical;
}

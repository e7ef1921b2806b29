/**
 * Electricity and gas meters. Power and flow are constant from one whole second to the next and kept as integers, so
 * that what they add up to is exact; a register shows it in steps of its resolution and rolls over.
 */
import type { Random } from './factory-random.ts';
import type { Recorder } from './factory-record.ts';
import { quantise } from './factory-sensors.ts';
import { secondsUs, type Timeline } from './factory-timeline.ts';

export interface ElectricityMeterOptions {
  /** Path of the meter. */
  readonly meter: string;
  /** Joules per count of the registers: one of active, one of reactive energy. */
  readonly countJ: number;
  readonly registerModulus: number;
  readonly untilRollover: number;
  /** What a register shows for so many counts, and the power-factor tag for so much. */
  readonly showRegister: (counts: number) => number;
  readonly showPowerFactor: (powerFactor: number) => number;
  /** At this power the power factor is at its best. */
  readonly ratedKw: number;
}

const joulesPerKwh = 3_600_000;

/** Returns the function to call at every whole second with the power, in W, until the next one. */
export function createElectricityMeter(
  record: Recorder,
  random: Random,
  options: ElectricityMeterOptions,
): (watts: number) => void {
  const { meter, registerModulus } = options;
  const firstCounts = registerModulus - options.untilRollover;
  const countsFor = (joules: number) => (firstCounts + Math.floor(joules / options.countJ)) % registerModulus;
  let joules = 0;
  let reactiveJ = 0;
  let drawnW = 0;
  let drawnVar = 0;
  const showRegister = record.signal(`${meter}/kwh`, options.showRegister(firstCounts));
  const showReactive = record.signal(`${meter}/kvarh`, options.showRegister(firstCounts));
  const showPower = record.signal(`${meter}/power`, 0);
  const showReactivePower = record.signal(`${meter}/reactive-power`, 0);
  const showPowerFactor = record.signal(`${meter}/power-factor`, 0);
  return (watts) => {
    joules += drawnW;
    reactiveJ += drawnVar;
    drawnW = watts;
    const kw = watts / 1000;
    const powerFactor = 0.79 + 0.13 * Math.min(1, kw / options.ratedKw) + random.between(-0.004, 0.004);
    drawnVar = Math.round(watts * Math.sqrt(1 / powerFactor ** 2 - 1));
    showRegister(options.showRegister(countsFor(joules)));
    showReactive(options.showRegister(countsFor(reactiveJ)));
    showPower(quantise(kw, 1));
    showReactivePower(quantise(drawnVar / 1000, 1));
    showPowerFactor(options.showPowerFactor(powerFactor));
    record.tell({ type: 'energy', meter, kwh: joules / joulesPerKwh, kvarh: reactiveJ / joulesPerKwh, kw });
  };
}

export interface GasMeterOptions {
  /** Path of the meter. */
  readonly meter: string;
  readonly litresPerPulse: number;
  readonly counterModulus: number;
  readonly untilRollover: number;
}

/** Returns the function to call at every whole second with the flow, in ml/s, until the next one. */
export function createGasMeter(
  timeline: Timeline,
  record: Recorder,
  options: GasMeterOptions,
): (millilitresPerSecond: number) => void {
  const { meter, counterModulus } = options;
  const pulseMl = options.litresPerPulse * 1000;
  let millilitres = 0;
  let flow = 0;
  let pulses = 0;
  const firstCount = counterModulus - options.untilRollover;
  const showPulses = record.signal(`${meter}/pulses`, firstCount);
  const pulse = (): void => {
    pulses++;
    showPulses((firstCount + pulses) % counterModulus);
  };
  return (millilitresPerSecond) => {
    millilitres += flow;
    flow = millilitresPerSecond;
    record.tell({ type: 'gas', meter, m3: millilitres / 1e6 });
    const missingMl = (pulses + 1) * pulseMl - millilitres;
    if (missingMl <= flow) timeline.at(timeline.now() + secondsUs(missingMl / flow), pulse);
  };
}

/** The utilities of the packaging plant: a compressor that loads and unloads, and a gas-fired steam boiler. */
import type { Random } from './factory-random.ts';
import type { Recorder } from './factory-record.ts';
import { createThermalMass, quantise } from './factory-sensors.ts';

export interface Compressor {
  /** One second with this demand for air (0 to 1); returns the power drawn during it, in W. */
  second(demand: number, mayRun: boolean): number;
}

export function createCompressor(record: Recorder, random: Random): Compressor {
  const unit = 'utilities/compressor';
  let pressure = 7.1;
  let loaded = true;
  const oil = createThermalMass({ start: 78, timeConstantS: 600 });
  const showPressure = record.signal(`${unit}/pressure`, pressure);
  const showTemperature = record.signal(`${unit}/temperature`, oil.temperature);
  const showPower = record.signal(`${unit}/power`, 0);
  return {
    second(demand, mayRun) {
      if (pressure > 7.5) loaded = false;
      else if (pressure < 6.7) loaded = true;
      const watts = !mayRun ? 350 : Math.round((loaded ? 21_400 : 6_600) + random.between(-180, 180));
      pressure = Math.max(
        0,
        pressure + (mayRun && loaded ? 0.055 : 0) - 0.004 - 0.036 * demand * random.between(0.8, 1.2),
      );
      oil.second(!mayRun ? 35 : loaded ? 86 : 70);
      showPressure(quantise(pressure, 2));
      showTemperature(quantise(oil.temperature, 1));
      showPower(quantise(watts / 1000, 1));
      return watts;
    },
  };
}

export interface Boiler {
  /** One second with this demand for steam (0 to 1); returns the gas burnt during it in ml and the power in W. */
  second(demand: number): { readonly gasMl: number; readonly watts: number };
}

export function createBoiler(record: Recorder, random: Random): Boiler {
  const unit = 'utilities/boiler';
  let pressure = 7.9;
  let burning = true;
  const water = createThermalMass({ start: 174.5, timeConstantS: 40 });
  const showPressure = record.signal(`${unit}/steam-pressure`, pressure);
  const showTemperature = record.signal(`${unit}/temperature`, water.temperature);
  return {
    second(demand) {
      if (pressure > 8.3) burning = false;
      else if (pressure < 7.4) burning = true;
      pressure += (burning ? 0.021 : 0) - 0.0015 - 0.011 * demand * random.between(0.85, 1.15);
      water.second(127.2 + 6 * pressure);
      showPressure(quantise(pressure, 2));
      showTemperature(quantise(water.temperature, 1));
      const gasMl = burning ? Math.round(17_500 + random.between(-250, 250)) : 0;
      return { gasMl, watts: Math.round((burning ? 4_200 : 1_100) + random.between(-40, 40)) };
    },
  };
}

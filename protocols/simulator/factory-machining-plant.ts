/** The machining plant: three CNC machines and the electricity meter of the site. */
import { createCnc } from './factory-cnc.ts';
import { createElectricityMeter } from './factory-meters.ts';
import type { Plant, PlantContext } from './factory-plant.ts';
import { quantise } from './factory-sensors.ts';

/** Path of the site. */
export const machiningPlant = 'sahand/machining-plant';

const line = 'machining/line-1';

/** One machine's first failure and another one's first setup come early: a short demo sees one of each. */
const cncs = [
  {
    unit: `${line}/cnc-1`,
    plannedRunTimeS: 24,
    scrapRatio: 0.02,
    heaviness: 1,
    untilRollover: 5,
    firstFailureS: [80, 300],
  },
  {
    unit: `${line}/cnc-2`,
    plannedRunTimeS: 30,
    scrapRatio: 0.03,
    heaviness: 1.15,
    untilRollover: 3,
    firstOrderPieces: 6,
  },
  { unit: `${line}/cnc-3`, plannedRunTimeS: 36, scrapRatio: 0.015, heaviness: 1.3, untilRollover: 3 },
] as const;

/** The register of the meter counts 0.01 kWh up to 1,000,000 kWh. */
const register = {
  meter: 'energy/main',
  countJ: 36_000,
  registerModulus: 100_000_000,
  untilRollover: 250,
  showRegister: (counts: number) => counts / 100,
  showPowerFactor: (powerFactor: number) => quantise(powerFactor, 2),
  ratedKw: 45,
};

export function createMachiningPlant({ timeline, record, random }: PlantContext): Plant {
  const machines = cncs.map((options) => createCnc(timeline, record, random(options.unit), options));
  const meter = createElectricityMeter(record, random('meter'), register);
  const building = random('building');
  for (const { process } of machines) timeline.run(process);
  return {
    units: cncs.map(({ unit, plannedRunTimeS }) => ({ unit, plannedRunTimeS })),
    second() {
      const machinesW = machines.reduce((sum, machine) => sum + machine.second(), 0);
      meter(machinesW + Math.round(11_600 + building.between(-150, 150)));
    },
  };
}

/** The packaging plant: filler, capper and packer on one line, compressor, boiler, and meters of electricity and gas. */
import type { Curtailments } from './factory-calendar.ts';
import { createConveyor } from './factory-conveyor.ts';
import { createElectricityMeter, createGasMeter } from './factory-meters.ts';
import { createPackagingMachine } from './factory-packaging-machine.ts';
import type { Plant, PlantContext } from './factory-plant.ts';
import { createBoiler, createCompressor } from './factory-utilities.ts';

/** Path of the site. */
export const packagingPlant = 'aras/packaging-plant';

/** What the plant may draw during a curtailment, by its notice. */
export const curtailedLimitKw = 25;

const line = 'packaging/line-1';

/** The filler's first setup and the packer's first failure come early: a short demo sees one of each. */
const filler = {
  unit: `${line}/filler`,
  plannedRunTimeS: 1.5,
  scrapRatio: 0.012,
  counterModulus: 2 ** 32,
  untilRollover: 110,
  runningW: 13_200,
  heat: 82,
  firstOrderPieces: 130,
};
const capper = {
  unit: `${line}/capper`,
  plannedRunTimeS: 1.45,
  scrapRatio: 0.018,
  counterModulus: 2 ** 16,
  untilRollover: 90,
  runningW: 5_400,
};
const packer = {
  unit: `${line}/packer`,
  plannedRunTimeS: 1.4,
  scrapRatio: 0.01,
  counterModulus: 2 ** 32,
  untilRollover: 70,
  runningW: 9_800,
  heat: 165,
  firstFailureS: [60, 240] as const,
};

/** The register of the meter counts 0.1 kWh in 32 bits; the power factor is in thousandths. */
const register = {
  meter: 'energy/main',
  countJ: 360_000,
  registerModulus: 2 ** 32,
  untilRollover: 25,
  showRegister: (counts: number) => counts,
  showPowerFactor: (powerFactor: number) => Math.round(powerFactor * 1000),
  ratedKw: 65,
};

const gasCounter = { meter: 'energy/gas', litresPerPulse: 100, counterModulus: 2 ** 16, untilRollover: 20 };

export function createPackagingPlant(context: PlantContext, curtailments: Curtailments): Plant {
  const { timeline, record, random } = context;
  const toCapper = createConveyor(40, 8);
  const toPacker = createConveyor(60, 12);
  const machines = [
    { ...filler, outfeed: toCapper },
    { ...capper, infeed: toCapper, outfeed: toPacker },
    { ...packer, infeed: toPacker },
  ].map((options) => createPackagingMachine(timeline, record, random(options.unit), curtailments, options));
  const compressor = createCompressor(record, random('compressor'));
  const boiler = createBoiler(record, random('boiler'));
  const electricity = createElectricityMeter(record, random('meter'), register);
  const gas = createGasMeter(timeline, record, gasCounter);
  const building = random('building');
  for (const { process } of machines) timeline.run(process);
  return {
    units: [filler, capper, packer].map(({ unit, plannedRunTimeS }) => ({ unit, plannedRunTimeS })),
    second() {
      const machinesW = machines.reduce((sum, machine) => sum + machine.second(), 0);
      const demand = machines.filter(({ running }) => running).length / machines.length;
      const compressorW = compressor.second(demand, !curtailments.activeAt(timeline.now()));
      const { gasMl, watts: boilerW } = boiler.second(demand);
      electricity(machinesW + compressorW + boilerW + Math.round(6_900 + building.between(-120, 120)));
      gas(gasMl);
    },
  };
}

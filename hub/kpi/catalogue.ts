/** Every KPI of the catalogue, in the order of kpi.md §5.1; variants follow their KPI. */
import { energyPerformance, saving, savingShare } from './baseline.ts';
import * as carriers from './carriers.ts';
import * as dataQuality from './data-quality.ts';
import * as demand from './demand.ts';
import * as response from './demand-response.ts';
import { carrier, electricity } from './energy.ts';
import { specificEnergy, standby } from './intensity.ts';
import type { KpiDefinition } from './kpi.ts';
import * as maintenance from './maintenance.ts';
import * as output from './output.ts';
import { maturity } from './pilot.ts';
import { pilotChanges } from './pilot-change.ts';
import { availability, effectiveness, nee, oee, quality } from './production.ts';
import { closure, meterCoverage, selfSupply } from './supply.ts';
import { cost, shareLow, shareMid, sharePeak, shifted } from './tariff.ts';
import * as utilisation from './utilisation.ts';

/** What a pilot is judged by (kpi.md §3), and what those are made of. */
export const compared: readonly KpiDefinition[] = [
  ...[oee, availability, effectiveness, quality, output.scrap, output.volume, maintenance.unplannedDowntime],
  ...[electricity, specificEnergy, sharePeak],
];

export const catalogue: readonly KpiDefinition[] = [
  availability,
  effectiveness,
  quality,
  oee,
  nee,
  utilisation.allocationEfficiency,
  utilisation.utilisationEfficiency,
  utilisation.technicalEfficiency,
  utilisation.setupRatio,
  output.throughput,
  output.throughputWindow,
  utilisation.processRatio,
  output.scrap,
  output.rework,
  output.firstPassYield,
  output.loadRatio,
  output.attainment,
  output.volume,
  output.volumeTonnes,
  maintenance.unplannedDowntime,
  maintenance.reasonCoverage,
  maintenance.mtbf,
  maintenance.mttr,
  maintenance.correctiveRatio,

  electricity,
  carrier,
  carriers.carrierGj,
  carriers.comprehensiveEnergy,
  carriers.comprehensiveEnergyGood,
  specificEnergy,
  carriers.energyByMass,
  energyPerformance,
  saving,
  savingShare,
  demand.peakBlock,
  demand.peakSlide,
  demand.loadFactor,
  demand.contractUtilisation,
  demand.powerFactor,
  demand.reactiveExcess,
  sharePeak,
  shareMid,
  shareLow,
  shifted,
  standby,
  selfSupply,
  demand.outages,
  demand.outageTime,
  closure,
  cost,
  carriers.emissions,
  carriers.emissionsPerUnit,

  response.capCompliance,
  response.capExcess,
  response.capWorst,
  response.reduction,
  response.reducedEnergy,
  response.performance,
  response.lostHours,
  response.lostOutput,

  dataQuality.completeness,
  dataQuality.onTime,
  dataQuality.valid,
  dataQuality.latency,
  dataQuality.medianLatency,
  dataQuality.uptime,
  dataQuality.deviceUptime,
  dataQuality.tagCoverageRatio,
  meterCoverage,
  dataQuality.backfill,
  dataQuality.clockOffset,

  ...compared.flatMap(pilotChanges),
  maturity,

  // Not in §5.1, but in ISO 22400-2 and SEMI E10 and in the vectors of kpi.md §1.5.
  utilisation.allocationRatio,
  utilisation.workerEfficiency,
  output.plannedScrap,
  output.fallOff,
  utilisation.e10Uptime,
];

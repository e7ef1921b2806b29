/** Whether the pilot's periods follow each other, and declared figures are of something that is compared. */
import { compared } from '../kpi/catalogue.ts';
import { assetPaths, checkKnown, checkOrder, type PlantIssue } from './check-parts.ts';
import { parseLocal } from './dates.ts';
import type { PlantConfig } from './schema.ts';

export function checkPilot(config: PlantConfig): PlantIssue[] {
  const { pilot, meters } = config;
  if (!pilot) return [];
  const { baseline, declared } = pilot;
  const { areas, lines, units } = assetPaths(config);
  const assets = [...areas, ...lines, ...units, ...meters.map(({ path }) => path)];
  const kpis = compared.map(({ id }) => id);
  const issues = checkOrder(pilot, ['pilot']);
  if (baseline) issues.push(...checkOrder(baseline, ['pilot', 'baseline']));
  if (baseline && parseLocal(baseline.to)! > parseLocal(pilot.from)!) {
    const message = {
      en: 'is after the pilot began, so days would count on both sides; end the baseline before "pilot.from"',
      fa: 'پس از آغاز پایلوت است و روزهایی در هر دو سو شمرده می‌شوند؛ مبنا را پیش از «pilot.from» پایان دهید',
    };
    issues.push({ path: ['pilot', 'baseline', 'to'], message });
  }
  for (const [index, { kpi, asset }] of declared.entries()) {
    const path = ['pilot', 'declared', index];
    issues.push(...checkKnown(kpi, kpis, 'compared KPI', [...path, 'kpi']));
    if (asset !== undefined) issues.push(...checkKnown(asset, assets, 'asset', [...path, 'asset']));
    if (declared.findIndex((one) => one.kpi === kpi && one.asset === asset) < index) {
      const message = {
        en: 'is the second figure of its KPI and asset; leave one',
        fa: 'رقم دومِ همین شاخص و دارایی است؛ تنها یکی را نگه دارید',
      };
      issues.push({ path, message });
    }
  }
  return issues;
}

/** Whether references, weather and planned works agree with the assets and with each other. */
import { assetPaths, checkKnown, checkOrder, checkOverlaps, oneAtATime, type PlantIssue } from './check-parts.ts';
import type { PlantConfig } from './schema.ts';

export function checkReferences(config: PlantConfig): PlantIssue[] {
  const { peakReferences, outputReferences, plannedWorks } = config;
  const meters = config.meters.filter(({ carrier }) => carrier === 'electricity').map(({ path }) => path);
  const { units } = assetPaths(config);
  return [
    ...peakReferences.flatMap((one, index) => [
      ...checkKnown(one.meter, meters, 'electricity meter', ['peakReferences', index, 'meter']),
      ...checkOrder(one, ['peakReferences', index]),
    ]),
    ...outputReferences.flatMap((one, index) => [
      ...checkKnown(one.unit, units, 'unit', ['outputReferences', index, 'unit']),
      ...checkOrder(one, ['outputReferences', index]),
    ]),
    ...plannedWorks.flatMap((one, index) => checkOrder(one, ['plannedWorks', index])),
    ...checkOverlaps(
      peakReferences,
      ['peakReferences'],
      (a, b) => a.meter === b.meter,
      () => oneAtATime('another reference of its meter', 'مرجع دیگری از همین کنتور'),
    ),
    ...checkOverlaps(
      outputReferences,
      ['outputReferences'],
      (a, b) => a.unit === b.unit,
      () => oneAtATime('another reference of its unit', 'مرجع دیگری از همین واحد'),
    ),
    ...checkFirst(config),
    ...checkSupply(config),
  ];
}

/** The fall-off ratio holds scrap of a line against what its one first operation made. */
function checkFirst({ areas }: PlantConfig): PlantIssue[] {
  return areas.flatMap((area, areaIndex) =>
    area.lines.flatMap(({ units }, lineIndex) => {
      const index = units.findIndex(({ first }, at) => first && units.findIndex((one) => one.first) < at);
      if (index < 0) return [];
      return [
        {
          path: ['areas', areaIndex, 'lines', lineIndex, 'units', index, 'first'],
          message: {
            en: 'is the second first operation of its line; leave one',
            fa: 'دومین عملیات نخستِ خط خود است؛ تنها یکی را نگه دارید',
          },
        },
      ];
    }),
  );
}

const noSupply = {
  en: 'only an electricity meter has a supply; remove it',
  fa: 'تنها کنتور برق تأمین‌کننده دارد؛ آن را بردارید',
};

function checkSupply({ meters }: PlantConfig): PlantIssue[] {
  return meters.flatMap(({ carrier, supply }, index) =>
    supply && carrier !== 'electricity' ? [{ path: ['meters', index, 'supply'], message: noSupply }] : [],
  );
}

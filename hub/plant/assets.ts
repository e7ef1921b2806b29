/** Every asset of the plants in one list, for those who browse or need a name: site → area → line → unit, and meters. */
import type { Plant } from './plant.ts';
import type { Name } from './schema-parts.ts';

export interface Asset {
  /** Full path, its site's included. */
  readonly path: string;
  readonly level: 'site' | 'area' | 'line' | 'unit' | 'meter';
  readonly name: Name;
  readonly parent: string | null;
  readonly site: string;
}

export const plantAssets = (plants: readonly Plant[]): Asset[] =>
  plants.flatMap((plant) => {
    const site = plant.path;
    const asset = (
      level: Asset['level'],
      { path, name }: { path: string; name: Name },
      parent: string | null,
    ): Asset => ({
      path,
      level,
      name,
      parent,
      site,
    });
    return [
      asset('site', plant, null),
      ...plant.areas.flatMap((area) => [
        asset('area', area, site),
        ...area.lines.flatMap((line) => [
          asset('line', line, area.path),
          ...line.units.map((unit) => asset('unit', unit, line.path)),
        ]),
      ]),
      ...plant.meters.map((meter) => asset('meter', meter, meter.parent ?? site)),
    ];
  });

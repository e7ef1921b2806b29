/**
 * What sites belong to above the enterprise: province, estate, sector, programme. Groupings and not assets, so that the
 * roll-ups of agencies never change the tree. A group is known by its kind and its English name: `province:east-azerbaijan`.
 */
import type { Plant } from './plant.ts';
import type { Name } from './schema-parts.ts';

export const groupKinds = ['enterprise', 'province', 'estate', 'holding', 'isic', 'programme'] as const;
export type GroupKind = (typeof groupKinds)[number];

export interface Group {
  readonly id: string;
  readonly kind: GroupKind;
  readonly name: Name;
  /** Paths of its sites, ascending. */
  readonly sites: readonly string[];
}

/** What each kind is called. */
export const groupKindNames: Readonly<Record<GroupKind, Name>> = {
  enterprise: { en: 'Enterprise', fa: 'بنگاه' },
  province: { en: 'Province', fa: 'استان' },
  estate: { en: 'Industrial estate', fa: 'شهرک صنعتی' },
  holding: { en: 'Holding', fa: 'هلدینگ' },
  isic: { en: 'Sector (ISIC Rev. 4)', fa: 'رشته فعالیت (آیسیک)' },
  programme: { en: 'Programme', fa: 'برنامه' },
};

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-|-$/g, '');

function membershipsOf({ groups }: Plant): Omit<Group, 'sites'>[] {
  const { enterprise, province, estate, holding, isic, programmes } = groups;
  const named = Object.entries({ enterprise, province, estate, holding }) as [GroupKind, Name | undefined][];
  const coded: [GroupKind, string][] = programmes.map((code) => ['programme', code]);
  if (isic !== undefined) coded.push(['isic', isic]);
  return [
    ...named.flatMap(([kind, name]) => (name ? [{ id: `${kind}:${slug(name.en)}`, kind, name }] : [])),
    ...coded.map(([kind, code]) => ({ id: `${kind}:${code}`, kind, name: { en: code, fa: code } })),
  ];
}

/** By kind, then by id. */
export function groupsOf(plants: readonly Plant[]): Group[] {
  const found = new Map<string, Omit<Group, 'sites'> & { sites: string[] }>();
  for (const plant of plants) {
    for (const group of membershipsOf(plant)) {
      const known = found.get(group.id);
      if (known) known.sites.push(plant.path);
      else found.set(group.id, { ...group, sites: [plant.path] });
    }
  }
  const place = ({ kind, id }: Group) => `${groupKinds.indexOf(kind)} ${id}`;
  return [...found.values()]
    .map((group) => ({ ...group, sites: group.sites.sort() }))
    .sort((a, b) => (place(a) < place(b) ? -1 : 1));
}

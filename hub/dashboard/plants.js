/**
 * The plants as cards: built once from the catalogue, then only texts change. What a tag belongs to follows from its path:
 * the deepest asset that it lies below.
 */
import { createAgent } from './agent.js';
import { h, ltr } from './dom.js';
import { createUnit } from './unit.js';

const isUnder = (path, ancestor) => path === ancestor || path.startsWith(`${ancestor}/`);

/** `update(state)` follows the newest values, agents and KPIs. */
export function createPlants(catalogue, agents, { words, format, lang }) {
  const context = { words, format, lang, definitions: catalogue.definitions };
  const measured = catalogue.tags.filter((tag) => !tag.retired && !tag.role.startsWith('health_'));
  const sessions = catalogue.tags.filter((tag) => !tag.retired && tag.role === 'health_session');
  const ownerOf = createOwnerOf(catalogue.assets);
  const updates = [];
  const add = (part) => {
    updates.push(part.update);
    return part.element;
  };

  const plants = catalogue.assets.filter(({ level }) => level === 'site');
  const sections = plants.map((site) => {
    const within = catalogue.assets.filter((asset) => asset.site === site.path);
    const owned = Map.groupBy(measured, (tag) => ownerOf(tag.path)?.path);
    const card = (asset) => add(createUnit(asset, owned.get(asset.path) ?? [], context));
    const siteAgents = agents.filter((agent) => agent.sites.includes(site.path));
    const groups = groupsOf(within).map(({ title, head, members }) =>
      h(
        'section',
        { class: 'group' },
        head ? card(head) : h('h3', {}, title?.name[lang] ?? words.energy),
        h('div', { class: 'cards' }, ...members.map(card)),
      ),
    );
    return h(
      'section',
      { class: 'plant' },
      h('header', {}, h('h2', {}, site.name[lang]), ltr(site.path, { class: 'path' })),
      h('ul', { class: 'agents' }, ...siteAgents.map((agent) => add(createAgent(agent.agent, sessions, context)))),
      ...groups,
    );
  });

  const strangers = strangersOf(measured, ownerOf);
  const homeless = agents.filter((agent) => agent.sites.length === 0);
  if (strangers.length > 0 || homeless.length > 0) {
    sections.push(
      h(
        'section',
        { class: 'plant' },
        h('header', {}, h('h2', {}, words.noPlant)),
        h('ul', { class: 'agents' }, ...homeless.map((agent) => add(createAgent(agent.agent, sessions, context)))),
        h('div', { class: 'cards' }, ...strangers.map(([asset, tags]) => add(createUnit(asset, tags, context)))),
      ),
    );
  }
  return {
    elements: sections,
    update(state) {
      for (const update of updates) update(state);
    },
  };
}

function createOwnerOf(assets) {
  const deepestFirst = assets.toSorted((a, b) => b.path.length - a.path.length);
  return (path) => deepestFirst.find((asset) => isUnder(path, asset.path));
}

/** Lines with their units, then units that stand alone, then meters. */
function groupsOf(assets) {
  const units = Map.groupBy(
    assets.filter(({ level }) => level === 'unit'),
    ({ parent }) => parent,
  );
  const groups = assets
    .filter((asset) => asset.level === 'line' || units.has(asset.path))
    .map((asset) => ({
      title: asset,
      head: asset.level === 'line' ? asset : undefined,
      members: units.get(asset.path) ?? [],
    }));
  const meters = assets.filter(({ level }) => level === 'meter');
  return meters.length > 0 ? [...groups, { title: undefined, members: meters }] : groups;
}

/** Tags that no asset below a site owns, gathered under the path they share. */
function strangersOf(tags, ownerOf) {
  const lone = tags.filter((tag) => ownerOf(tag.path) === undefined);
  const byParent = Map.groupBy(lone, ({ path }) => path.slice(0, path.lastIndexOf('/')));
  return [...byParent].map(([path, members]) => [{ path, level: 'none', name: { fa: path, en: path } }, members]);
}

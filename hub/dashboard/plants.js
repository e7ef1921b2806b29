/**
 * The plants as cards: built once from the catalogue, then only texts change. What a tag belongs to follows from its path:
 * the deepest asset that it lies below.
 */

import { h, ltr } from '../../protocols/page/dom.js';
import { createAgent } from './agent.js';
import { createUnit } from './unit.js';

const isUnder = (path, ancestor) => path === ancestor || path.startsWith(`${ancestor}/`);

/** `update(state)` follows the newest values, agents and KPIs. */
export function createPlants(catalogue, agents, { words, format, lang }) {
  const measured = catalogue.tags.filter((tag) => !tag.retired && !tag.role.startsWith('health_'));
  const sessions = catalogue.tags.filter((tag) => !tag.retired && tag.role === 'health_session');
  const context = { words, format, lang, sessions, definitions: catalogue.definitions };
  const ownerOf = createOwnerOf(catalogue.assets);
  const owned = Map.groupBy(measured, (tag) => ownerOf(tag.path));
  const strangers = strangersOf(owned.get(undefined) ?? []);
  const updates = [];
  const add = (part) => {
    updates.push(part.update);
    return part.element;
  };

  const agentList = (some) =>
    h('ul', { class: 'agents' }, ...some.map(({ agent }) => add(createAgent(agent, context))));
  const cards = (assets) =>
    assets.map((asset) => add(createUnit(asset, owned.get(asset.path) ?? asset.tags ?? [], context)));
  const group = (title, assets) =>
    assets.length > 0 && h('section', { class: 'group' }, title, h('div', { class: 'cards' }, ...cards(assets)));

  const plants = catalogue.assets.filter(({ level }) => level === 'site');
  const sections = plants.map((site) => {
    const within = catalogue.assets.filter((asset) => asset.site === site.path);
    return h(
      'section',
      { class: 'plant' },
      h('header', {}, h('h2', {}, site.name[lang]), ltr(site.path, { class: 'path' })),
      agentList(agents.filter((agent) => agent.sites.includes(site.path))),
      ...linesOf(within).map(({ line, units }) => group(cards([line])[0], units)),
      group(
        h('h3', {}, words.energy),
        within.filter(({ level }) => level === 'meter'),
      ),
      group(
        h('h3', {}, words.others),
        strangers.filter(({ path }) => isUnder(path, site.path)),
      ),
    );
  });

  const lost = strangers.filter(({ path }) => !plants.some((site) => isUnder(path, site.path)));
  const homeless = agents.filter((agent) => agent.sites.length === 0);
  if (lost.length > 0 || homeless.length > 0) {
    sections.push(
      h(
        'section',
        { class: 'plant' },
        h('header', {}, h('h2', {}, words.noPlant)),
        agentList(homeless),
        group(null, lost),
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

/** Path of the deepest line, unit or meter that a tag lies below. */
function createOwnerOf(assets) {
  const deepestFirst = assets
    .filter(({ level }) => ['line', 'unit', 'meter'].includes(level))
    .sort((a, b) => b.path.length - a.path.length);
  return (path) => deepestFirst.find((asset) => isUnder(path, asset.path))?.path;
}

const linesOf = (assets) =>
  assets
    .filter(({ level }) => level === 'line')
    .map((line) => ({ line, units: assets.filter(({ level, parent }) => level === 'unit' && parent === line.path) }));

/** Tags that the plant model knows nothing of, gathered under the path they share, and named by its end. */
function strangersOf(tags) {
  const byParent = Map.groupBy(tags, ({ path }) => path.slice(0, path.lastIndexOf('/')));
  return [...byParent].map(([path, members]) => {
    const name = path.split('/').slice(-2).join('/');
    return { path, level: 'none', name: { fa: name, en: name }, tags: members };
  });
}

/** A line's, unit's or meter's card: its KPIs with their coverage, and its newest values with unit, quality and age. */
import { h, ltr, setText } from '../../protocols/page/dom.js';
import { createBar, createRing, createTrust, figureOf } from './gauge.js';

const factors = [
  ['prod.availability', 'availability'],
  ['prod.effectiveness', 'effectiveness'],
  ['prod.quality', 'quality'],
];
const shownApart = new Set(['prod.oee', ...factors.map(([id]) => id)]);
const severityMarks = { good: '●', uncertain: '◐', bad: '✕' };
const cutMark = '◌';

export function createUnit(asset, tags, context) {
  const { words, lang, definitions } = context;
  const computed = definitions.filter(({ scope }) => scope.includes(asset.level));
  const trust = createTrust(words);
  const period = h('span');
  const coverage = ltr('');
  const range = h('p', { class: 'range', hidden: true }, period, ` · ${words.coverage} `, coverage);
  const parts = [
    computed.some(({ id }) => id === 'prod.oee') && createOee(words),
    ...figureLists(asset, computed, context),
    tags.length > 0 && createValues(tags, context),
  ].filter(Boolean);
  const name = asset.name[lang];
  const element = h(
    'article',
    { class: `card ${asset.level}` },
    h(
      'header',
      {},
      h(asset.level === 'line' ? 'h3' : 'h4', {}, asset.level === 'none' ? ltr(name) : name),
      trust.element,
    ),
    range,
    ...parts.map((part) => part.element),
  );
  return {
    element,
    update(state) {
      const values = state.kpis.get(asset.path) ?? new Map();
      const leading = values.get('prod.oee') ?? values.values().next().value;
      trust.update(leading);
      range.hidden = leading === undefined;
      if (leading) {
        const at = (time) => context.format.minute(Date.parse(time));
        const runs = Date.parse(leading.end) > state.now;
        setText(period, runs ? words.since(at(leading.start)) : words.between(at(leading.start), at(leading.end)));
        setText(coverage, context.format.percent(leading.coverage));
      }
      for (const part of parts) part.update(values, state, context.format);
    },
  };
}

function createOee(words) {
  const ring = createRing(words.oee);
  const bars = factors.map(([id, word]) => ({ id, ...createBar(words[word]) }));
  return {
    element: h('div', { class: 'oee' }, ring.element, h('div', { class: 'bars' }, ...bars.map((bar) => bar.element))),
    update(values, _state, format) {
      ring.update(values.get('prod.oee'), format);
      for (const bar of bars) bar.update(values.get(bar.id), format);
    },
  };
}

/** All other KPIs. Of a unit's, only completeness is in sight: its values matter more. */
function figureLists(asset, computed, context) {
  const others = computed.filter(({ id }) => !shownApart.has(id));
  if (asset.level !== 'unit') return others.length > 0 ? [createFigures(others, context)] : [];
  const inSight = others.filter(({ id }) => id === 'dq.complete');
  const behind = others.filter(({ id }) => id !== 'dq.complete');
  const lists = inSight.length > 0 ? [createFigures(inSight, context)] : [];
  if (behind.length > 0) {
    const list = createFigures(behind, context);
    lists.push({ ...list, element: h('details', {}, h('summary', {}, context.words.moreKpis), list.element) });
  }
  return lists;
}

function createFigures(definitions, { lang }) {
  const rows = definitions.map(({ id, name }) => {
    const figure = ltr('—');
    return { id, figure, element: h('div', {}, h('dt', {}, name[lang]), h('dd', {}, figure)) };
  });
  return {
    element: h('dl', { class: 'kpis' }, ...rows.map(({ element }) => element)),
    update(values, _state, format) {
      for (const { id, figure, element } of rows) {
        // A gas meter has no demand: what does not apply to this one has no value, not even an unknown one.
        element.hidden = values.size > 0 && !values.has(id);
        setText(figure, figureOf(values.get(id), format));
      }
    },
  };
}

function createValues(tags, { words, sessions }) {
  const rows = tags.map((tag) => {
    const value = ltr('');
    const mark = h('span', { class: 'mark' });
    const age = h('span', { class: 'age' });
    const element = h(
      'li',
      {
        title: tag.commissioned ? tag.path : `${tag.path} · ${words.notCommissioned}`,
        class: [tag.type === 'string' && 'text', !tag.commissioned && 'unproved'].filter(Boolean).join(' '),
      },
      measure(tag, words),
      h('span', { class: 'value' }, value, ' ', mark),
      age,
    );
    const session = sessions.find(({ agent, source }) => agent === tag.agent && source === tag.source)?.path;
    return { tag, session, element, value, mark, age };
  });
  return {
    element: h('ul', { class: 'values' }, ...rows.map(({ element }) => element)),
    update(_values, state, format) {
      for (const row of rows) updateRow(row, state, words, format);
    },
  };
}

function updateRow({ tag, session, element, value, mark, age }, { values, agents, now }, words, format) {
  const latest = values.get(tag.path);
  if (!latest) {
    setText(value, '—');
    setText(age, words.noValue);
    return;
  }
  // A value that does not change is not sent again: it holds as long as its source is connected, and no longer.
  const isCut =
    values.get(session)?.value === false || agents.some(({ agent, online }) => agent === tag.agent && !online);
  element.classList.toggle('cut', isCut);
  element.dataset.severity = latest.severity;
  element.classList.toggle('raised', tag.role === 'alarm' && Boolean(latest.value));
  setText(value, valueText(latest, tag, words, format));
  setText(mark, isCut ? cutMark : severityMarks[latest.severity]);
  const code = latest.quality === 0 ? '' : ` 0x${latest.quality.toString(16).padStart(8, '0')}`;
  mark.title = isCut ? words.cut : words.severity[latest.severity] + code;
  mark.setAttribute('aria-label', mark.title);
  mark.setAttribute('role', 'img');
  const ageText = format.age((now - Date.parse(latest.time)) / 1000);
  // While older samples are on their way the agent says what holds now; that itself comes later.
  setText(age, latest.stored === false ? `${ageText} · ${words.notStoredYet}` : ageText);
}

function valueText({ value, severity }, tag, words, format) {
  if (value === null) return words.severity[severity];
  if (value === '') return words.emptyText;
  if (tag.role === 'alarm') return `⚠ ${value}`;
  return `${format.value(value, tag)} ${tag.unit}`.trim();
}

/** Its known word, or the name it has in the plant. */
function measure(tag, words) {
  const name = tag.path.slice(tag.path.lastIndexOf('/') + 1);
  return words.measures[name] ? h('span', {}, words.measures[name]) : h('span', {}, ltr(name));
}

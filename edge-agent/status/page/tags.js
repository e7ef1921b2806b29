/** The table of tags: search, filter and sort over all of them, and one page of rows in the document. */
import { h, setText } from '../../../protocols/page/dom.js';
import { setHidden } from './dom.js';
import { selectTags, severityOf } from './select-tags.js';
import { createTagRow } from './tag-row.js';

const rowsPerPage = 50;
const columns = ['path', 'value', 'quality', 'age', 'commissioned'];

/** `view` is what the reader chose; it outlives a change of language. */
export function createTags(place, view, context) {
  const { words, format } = context;
  let tags = [];
  let cut = new Set();
  let now = 0;
  let options = '';

  const search = h('input', {
    type: 'search',
    placeholder: words.search,
    'aria-label': words.search,
    autocomplete: 'off',
    spellcheck: 'false',
  });
  search.value = view.search;
  const source = h('select', { 'aria-label': words.device });
  const order = h('select', { 'aria-label': words.sortBy, class: 'order' });
  for (const column of columns)
    order.append(h('option', { value: column }, `${words.sortBy}: ${words.column[column]}`));
  const chips = Object.fromEntries(
    Object.entries(words.filter).map(([name, word]) => {
      const figure = h('b');
      const button = h('button', { type: 'button', class: 'chip', 'data-part': name }, word, ' ', figure);
      button.addEventListener('click', () => choose({ filter: name }));
      return [name, { button, figure }];
    }),
  );
  const headers = Object.fromEntries(
    columns.map((column) => {
      const button = h('button', { type: 'button', class: 'sort' }, words.column[column]);
      button.addEventListener('click', () =>
        choose({ order: column, descending: view.order === column && !view.descending }),
      );
      return [column, h('th', { role: 'columnheader', scope: 'col', class: `cell-${column}` }, button)];
    }),
  );
  const body = h('tbody', { role: 'rowgroup' });
  const table = h(
    'table',
    { role: 'table', class: 'tag-table', 'aria-labelledby': 'tags-title' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...Object.values(headers))),
    body,
  );
  const rows = [];
  const nothing = h('p', { class: 'nothing' });
  const clear = h('button', { type: 'button', class: 'quiet' }, words.clear);
  const range = h('span', { role: 'status' });
  const previous = h('button', { type: 'button', class: 'quiet' }, words.previous);
  const next = h('button', { type: 'button', class: 'quiet' }, words.next);
  const pager = h('nav', { class: 'pager', 'aria-label': words.pages }, previous, range, next);

  place.replaceChildren(
    h('div', { class: 'tools' }, search, source, order),
    h(
      'div',
      { class: 'chips', role: 'group', 'aria-label': words.show },
      ...Object.values(chips).map(({ button }) => button),
    ),
    h('div', { class: 'table-panel' }, table, h('div', { class: 'nothing-panel' }, nothing, clear)),
    pager,
  );

  search.addEventListener('input', () => choose({ search: search.value }));
  source.addEventListener('change', () => choose({ source: source.value }));
  order.addEventListener('change', () => choose({ order: order.value, descending: false }));
  clear.addEventListener('click', () => choose({ search: '', source: '', filter: 'all' }));
  previous.addEventListener('click', () => turn(-1));
  next.addEventListener('click', () => turn(1));

  function choose(change) {
    Object.assign(view, { page: 0 }, change);
    if (search.value !== view.search) search.value = view.search;
    draw();
  }

  function turn(pages) {
    view.page += pages;
    draw();
    place.scrollIntoView({ block: 'start' });
  }

  function draw() {
    drawOptions();
    const { chosen, counts } = selectTags(tags, cut, view);
    const pages = Math.max(1, Math.ceil(chosen.length / rowsPerPage));
    view.page = Math.min(view.page, pages - 1);
    const first = view.page * rowsPerPage;
    const visible = chosen.slice(first, first + rowsPerPage);
    while (rows.length < visible.length) {
      rows.push(createTagRow(context));
      body.append(rows.at(-1).element);
    }
    for (const [i, row] of rows.entries()) {
      setHidden(row.element, i >= visible.length);
      if (visible[i]) row.update(visible[i], severityOf(visible[i], cut), now);
    }
    for (const [name, { button, figure }] of Object.entries(chips)) {
      setText(figure, format.count(counts[name]));
      button.setAttribute('aria-pressed', String(view.filter === name));
      setHidden(button, counts[name] === 0 && view.filter !== name && name !== 'all');
    }
    for (const [column, header] of Object.entries(headers)) {
      if (view.order === column) header.setAttribute('aria-sort', view.descending ? 'descending' : 'ascending');
      else header.removeAttribute('aria-sort');
    }
    order.value = view.order;
    setHidden(table, visible.length === 0);
    setHidden(nothing.parentElement, visible.length > 0);
    setText(nothing, tags.length === 0 ? words.noTags : words.noMatch);
    setHidden(clear, tags.length === 0);
    setHidden(pager, chosen.length <= rowsPerPage);
    previous.disabled = view.page === 0;
    next.disabled = view.page === pages - 1;
    const numbers = [first + 1, first + visible.length, chosen.length].map((number) => format.count(number));
    setText(range, words.range(...numbers));
  }

  function drawOptions() {
    const ids = [...new Set(tags.map((tag) => tag.source))].sort((a, b) => a.localeCompare(b));
    if (options === ids.join() && source.length > 0) {
      source.value = view.source;
      return;
    }
    options = ids.join();
    source.replaceChildren(
      h('option', { value: '' }, words.allDevices),
      ...ids.map((id) => h('option', { value: id }, id)),
    );
    if (!ids.includes(view.source)) view.source = '';
    source.value = view.source;
    setHidden(source, ids.length < 2);
  }

  return {
    choose,
    /** `away` are the ids of the devices that are not connected. */
    update(list, away, time) {
      tags = list;
      cut = away;
      now = time;
      draw();
    },
    tick(time) {
      now = time;
      for (const row of rows) if (!row.element.hidden) row.tick(time);
    },
  };
}

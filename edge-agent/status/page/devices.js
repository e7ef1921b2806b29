/** A card for every device: whether it is connected, since when, why not, and how its tags are. */
import { h, ltr, setText } from '../../../protocols/page/dom.js';
import { setHidden } from './dom.js';

const parts = ['good', 'uncertain', 'bad', 'cut', 'silent'];

/** Of a device that is not connected, values are what they were. */
export const countsOf = ({ state, tags }) =>
  state === 'up'
    ? { ...tags, cut: 0 }
    : { good: 0, uncertain: 0, bad: 0, cut: tags.good + tags.uncertain + tags.bad, silent: tags.silent };

export function createDevices(list, { words, format, show }) {
  let cards = new Map();
  return {
    update({ sources }, newest, now) {
      const known = [...cards.keys()].join();
      if (known !== sources.map(({ id }) => id).join() || list.children.length === 0) {
        cards = new Map(sources.map((source) => [source.id, createCard(source)]));
        const elements = [...cards.values()].map(({ element }) => element);
        list.replaceChildren(...(elements.length > 0 ? elements : [h('li', { class: 'card empty' }, words.noDevices)]));
      }
      for (const source of sources) cards.get(source.id).update(source, newest.get(source.id), now);
    },
  };

  function createCard({ id, kind, target }) {
    const state = h('span', { class: 'status' });
    const since = h('p', { class: 'soft' });
    const error = h('p', { class: 'card-error', dir: 'ltr' });
    const retry = h('p', { class: 'soft' });
    const pieces = Object.fromEntries(parts.map((part) => [part, h('span', { 'data-part': part })]));
    const legend = h('ul', { class: 'legend' });
    const legends = Object.fromEntries(
      parts.map((part) => {
        const figure = h('b');
        const button = h(
          'button',
          { type: 'button', class: 'legend-item', 'data-part': part },
          figure,
          ' ',
          words.severities[part],
        );
        button.addEventListener('click', () => show({ source: id, filter: part }));
        const item = h('li', {}, button);
        legend.append(item);
        return [part, { item, figure }];
      }),
    );
    const rows = {
      newest: h('dd'),
      slots: h('dd'),
      lost: h('dd'),
      suspect: h('dd'),
      notCommissionedCount: h('dd'),
    };
    const figures = h('dl', { class: 'figures' });
    for (const [name, value] of Object.entries(rows)) figures.append(h('div', {}, h('dt', {}, words[name]), value));

    const element = h(
      'li',
      { class: 'card' },
      h('header', {}, h('h3', {}, ltr(id)), state),
      h('p', { class: 'target' }, h('span', { class: 'kind' }, words.kind[kind]), ' ', ltr(target, { class: 'name' })),
      since,
      error,
      retry,
      h('div', { class: 'parts', 'aria-hidden': 'true' }, ...Object.values(pieces)),
      legend,
      figures,
    );
    return {
      element,
      update(source, newestAt, now) {
        const isUp = source.state === 'up';
        state.dataset.state = { up: 'good', down: 'bad' }[source.state] ?? 'warn';
        element.dataset.state = state.dataset.state;
        setText(state, words.state[source.state]);
        const { stateSince: from } = source;
        setText(since, words.since(format.since(from, now), format.span((now - from) / 1e6)));
        setHidden(error, isUp || !source.error);
        setText(error, source.error ?? '');
        const wait = source.retryAt === undefined ? undefined : (source.retryAt - now) / 1e6;
        setHidden(retry, isUp || wait === undefined);
        if (wait !== undefined) setText(retry, wait < 1 ? words.retryNow : words.retryIn(format.span(wait)));
        const counts = countsOf(source);
        for (const part of parts) {
          const count = counts[part];
          pieces[part].style.flexGrow = String(count);
          setHidden(pieces[part], count === 0);
          setHidden(legends[part].item, count === 0 && !(part === 'good' && isUp));
          setText(legends[part].figure, format.count(count));
        }
        setFigure(rows.newest, newestAt === undefined ? '—' : format.age(Math.max(0, (now - newestAt) / 1e6)));
        const slots = Object.entries(source.slots).filter(([, count]) => count > 0);
        setFigure(
          rows.slots,
          slots.map(([name, count]) => words.slot[name](format.count(count))).join(' · ') || words.byReport,
        );
        setFigure(rows.lost, source.lost > 0 && format.count(source.lost), 'bad');
        setFigure(rows.suspect, source.clockSuspect > 0 && format.count(source.clockSuspect), 'warn');
        setFigure(rows.notCommissionedCount, source.notCommissioned > 0 && format.count(source.notCommissioned));
      },
    };
  }
}

function setFigure(figure, text, state) {
  setHidden(figure.parentElement, text === false);
  setText(figure, text || '');
  if (state) figure.dataset.state = state;
}

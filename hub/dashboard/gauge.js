/** Shows a KPI: a ring for OEE, bars for its factors, and in words how far it can be trusted. Never by colour alone. */
import { h, ltr, setText, svg } from '../../protocols/page/dom.js';

const marks = { ok: '✓', partial: '◐', no_data: '○', undefined: '–', suspect: '!' };

export function createRing(label) {
  const arc = svg('circle', { class: 'arc', cx: 50, cy: 50, r: 43, pathLength: 100, 'stroke-dasharray': '0 100' });
  const figure = ltr('—', { class: 'ring-figure' });
  const element = h(
    'div',
    { class: 'ring' },
    svg(
      'svg',
      { viewBox: '0 0 100 100', 'aria-hidden': 'true' },
      svg('circle', { class: 'track', cx: 50, cy: 50, r: 43 }),
      arc,
    ),
    h('div', { class: 'ring-text' }, figure, h('span', { class: 'ring-label' }, label)),
  );
  return {
    element,
    update(value, format) {
      const known = value !== undefined && value.value !== null;
      // Beyond 100 % the ring is full; the figure says how far.
      arc.setAttribute('stroke-dasharray', `${known ? Math.min(100, Math.max(0, value.value * 100)) : 0} 100`);
      element.classList.toggle('unknown', !known);
      setText(figure, known ? format.percent(value.value) : '—');
    },
  };
}

export function createBar(label) {
  const fill = h('span', { class: 'bar-fill' });
  const figure = ltr('—');
  const element = h(
    'div',
    { class: 'bar' },
    h('span', { class: 'bar-label' }, label),
    h('span', { class: 'bar-track', 'aria-hidden': 'true' }, fill),
    figure,
  );
  return {
    element,
    update(value, format) {
      const known = value !== undefined && value.value !== null;
      fill.style.inlineSize = `${known ? Math.min(100, Math.max(0, value.value * 100)) : 0}%`;
      setText(figure, known ? format.percent(value.value) : '—');
    },
  };
}

/** Status of a value with its sign and word, and whether it may still change. */
export function createTrust(words) {
  const mark = h('span', { class: 'mark', 'aria-hidden': 'true' });
  const word = h('span');
  const status = h('span', { class: 'badge', hidden: true }, mark, ' ', word);
  const provisional = h('span', { class: 'badge provisional', hidden: true }, words.provisional);
  return {
    element: h('span', { class: 'badges' }, status, provisional),
    update(value) {
      status.hidden = value === undefined;
      provisional.hidden = !value?.provisional;
      if (!value) return;
      status.dataset.status = value.status;
      status.title = value.flags.join(', ');
      setText(mark, marks[value.status]);
      setText(word, words.status[value.status]);
    },
  };
}

/** A figure with its unit; ratios in percent. */
export function figureOf(value, format) {
  if (!value || value.value === null) return '—';
  return value.unit === '1' ? format.percent(value.value) : `${format.figure(value.value)} ${value.unit}`;
}

/** One row of the table of tags, made once and used again for whichever tag stands at its place. */
import { h, ltr, setText } from '../../../protocols/page/dom.js';
import { setHidden } from './dom.js';
import { qualities } from './qualities.js';

export function createTagRow({ words, format, lang }) {
  const path = ltr('', { class: 'path' });
  const address = ltr('', { class: 'address' });
  const value = ltr('', { class: 'value' });
  const quality = h('span', { class: 'status' });
  const code = ltr('', { class: 'code' });
  const meaning = h('span', { class: 'meaning' });
  const flags = h('span', { class: 'flags' });
  const age = h('span', { class: 'age' });
  const by = h('bdi');
  const when = h('span', { class: 'when' });
  const commissioned = h('span', { class: 'commissioned' }, by, ' ', when);
  const cell = (name, ...children) =>
    h('td', { role: 'cell', class: `cell-${name}`, 'data-label': words.column[name] }, ...children);
  const element = h(
    'tr',
    { role: 'row' },
    cell('path', path, address),
    cell('value', value),
    cell('quality', quality, ' ', code, ' ', meaning, ' ', flags),
    cell('age', age),
    cell('commissioned', commissioned),
  );
  let latest;

  return {
    element,
    update(tag, severity, now) {
      latest = tag.latest;
      if (path.dataset.path !== tag.path) {
        path.dataset.path = tag.path;
        // A long path breaks at its slashes.
        path.replaceChildren(...tag.path.split(/(?<=\/)/).map((segment) => h('span', {}, segment)));
      }
      setText(address, `${tag.source} · ${tag.address}`);
      address.title = tag.address;
      element.dataset.severity = severity;
      quality.dataset.state = { good: 'good', uncertain: 'warn', bad: 'bad' }[severity] ?? 'unknown';
      setText(quality, words.severities[severity]);
      const name = latest?.qualityName ?? 'Good';
      setHidden(code, name === 'Good' || severity === 'cut');
      setText(code, name);
      const word = severity === 'cut' ? words.cut : qualities[lang][name];
      setHidden(meaning, !word);
      setText(meaning, word ?? '');
      setFlags(latest?.flags ?? 0);
      setValue(tag);
      commissioned.dataset.done = String(tag.commissioned !== undefined);
      setText(by, tag.commissioned ? tag.commissioned.by : words.notCommissioned);
      setText(when, tag.commissioned ? format.date(tag.commissioned.at) : '');
      this.tick(now);
    },
    /** Only the age, which changes by itself. */
    tick(now) {
      setText(age, latest ? format.age(Math.max(0, (now - latest.time) / 1e6)) : '—');
      if (latest) age.title = format.moment(latest.time);
      else age.removeAttribute('title');
    },
  };

  function setValue({ type, unit, scale = 1 }) {
    const isText = typeof latest?.value === 'string' && type === 'string';
    value.classList.toggle('text', isText);
    if (latest === undefined || latest.value === null) setText(value, '—');
    else if (latest.value === '') setText(value, words.emptyText);
    else
      setText(
        value,
        `${format.value(scale === 1 ? latest.value : Number(latest.value) * scale, type)}${unit ? ` ${unit}` : ''}`,
      );
    value.classList.toggle('empty', latest?.value === '');
    value.title = isText ? latest.value : '';
  }

  function setFlags(bits) {
    const told = Object.entries(words.flags).filter(([bit]) => bits & Number(bit) && shown.includes(Number(bit)));
    const text = told.map(([, word]) => word).join();
    if (flags.dataset.told === text) return;
    flags.dataset.told = text;
    flags.replaceChildren(...told.map(([, word]) => h('span', { class: 'flag' }, word)));
  }
}

/** That a value is unchanged, or bears the gateway's time as all Modbus values do, is no news. */
const shown = [4, 8, 32];

/** The way of the data at a glance: devices → buffer → hub, and where it is held up. */

import { h, setText } from '../../../protocols/page/dom.js';
import { countsOf } from './devices.js';
import { setHidden } from './dom.js';
import { createTrend } from './trend.js';

export function createFlow(place, { words, format }) {
  const trend = createTrend();
  const stage = (title, ...children) => {
    const figure = h('p', { class: 'figure' });
    const label = h('p', { class: 'figure-label' });
    const notes = h('ul', { class: 'notes' });
    const element = h('div', { class: 'stage' }, h('h3', {}, title), figure, label, ...children, notes);
    return { element, figure, label, notes };
  };
  const fill = h('span', { class: 'meter-fill' });
  const meter = h(
    'div',
    { class: 'meter', role: 'meter', 'aria-label': words.buffer, 'aria-valuemin': 0, 'aria-valuemax': 100 },
    fill,
  );
  const devices = stage(words.toDevices);
  const buffer = stage(words.buffer, meter);
  const hub = stage(words.hub);
  const pipe = () => h('div', { class: 'pipe', 'aria-hidden': 'true' });
  const pipes = [pipe(), pipe()];
  place.replaceChildren(devices.element, pipes[0], buffer.element, pipes[1], hub.element);

  return {
    update(report, now) {
      trend.add(report);
      const { sources, link } = report;
      const up = sources.filter(({ state }) => state === 'up').length;
      setText(devices.figure, words.upOf(format.count(up), format.count(sources.length)));
      const all = (pick) => sources.reduce((sum, source) => sum + pick(countsOf(source)), 0);
      const good = all((tags) => tags.good);
      const total = all((tags) => tags.good + tags.uncertain + tags.bad + tags.cut + tags.silent);
      setText(devices.label, words.tagsOf(format.count(good), format.count(total)));
      devices.element.dataset.state = up === sources.length ? 'good' : up === 0 ? 'bad' : 'warn';

      updateBuffer(report, now);

      setText(hub.figure, words.link[link.state]);
      setText(hub.label, words.since(format.since(link.stateSince, now), format.span((now - link.stateSince) / 1e6)));
      hub.element.dataset.state = { forwarding: 'good', connecting: 'bad' }[link.state] ?? 'warn';
      setNotes(hub.notes, [
        [link.broker, 'ltr'],
        [words.acknowledged(format.count(link.through))],
        link.resentFrames > 0 && [words.resent(format.count(link.resentFrames))],
        link.state !== 'forwarding' && link.error && [link.error, 'ltr'],
      ]);
      pipes[0].dataset.flows = String(up > 0);
      pipes[1].dataset.flows = String(link.state === 'forwarding');
    },
  };

  function updateBuffer({ buffer: kept, link: { backlog } }, now) {
    const { bytes, pendingBytes, maxBytes, oldestAt, diskFreeBytes, replaySamples, evicted, corrupt } = kept;
    const share = Math.min(1, pendingBytes / maxBytes);
    setText(buffer.figure, format.count(backlog));
    setText(buffer.label, backlog === 0 ? words.empty : words.backlog(backlog));
    setHidden(buffer.figure, backlog === 0);
    buffer.label.classList.toggle('figure', backlog === 0);
    fill.style.inlineSize = `${Math.max(share * 100, 0.5)}%`;
    meter.setAttribute('aria-valuenow', Math.round(share * 100));
    const state = share >= 0.95 ? 'bad' : share >= 0.8 ? 'warn' : 'good';
    buffer.element.dataset.state = state;
    setNotes(buffer.notes, [
      [words.quota(format.bytes(pendingBytes), format.bytes(maxBytes), format.percent(share))],
      replaySamples > 0 && [words.replay(format.count(replaySamples), format.bytes(bytes - pendingBytes))],
      evicted > 0 && [words.evicted(format.count(evicted))],
      corrupt > 0 && [words.corrupt(format.count(corrupt))],
      backlog > 0 && oldestAt !== undefined && [words.oldest(format.age((now - oldestAt) / 1e6))],
      trendText(backlog, Math.min(maxBytes - pendingBytes, diskFreeBytes + bytes - pendingBytes)),
      [words.diskFree(format.bytes(diskFreeBytes))],
    ]);
  }

  /** Frames come and go all the time: what stays below this is one of them, not a trend. */
  function trendText(backlog, bytesLeft) {
    const { perS } = trend;
    const leastPerS = Math.max(5, backlog / 600);
    if (!perS || backlog === 0 || backlog < 5000) return false;
    if (Math.abs(perS.samples) < leastPerS) return [words.steady];
    const perMinute = format.count(Math.abs(perS.samples) * 60);
    if (perS.samples < 0)
      return [`${words.shrinking(perMinute)} · ${words.sentIn(format.span(-backlog / perS.samples))}`];
    const full = perS.bytes > 0 && bytesLeft > 0 ? ` · ${words.fullIn(format.span(bytesLeft / perS.bytes))}` : '';
    return [words.growing(perMinute) + full];
  }
}

function setNotes(list, notes) {
  const wanted = notes.filter(Boolean);
  while (list.children.length > wanted.length) list.lastChild.remove();
  for (const [i, [text, dir]] of wanted.entries()) {
    const item = list.children[i] ?? list.appendChild(h('li', {}, h('bdi')));
    const inner = item.firstChild;
    if (dir) inner.dir = dir;
    else inner.removeAttribute('dir');
    setText(inner, text);
  }
}

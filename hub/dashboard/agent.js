/** An agent's line: whether it is there, how far behind the hub is, and what became of every number it gave. */
import { h, ltr, setText } from '../../protocols/page/dom.js';

export function createAgent(id, { words, format, sessions }) {
  const status = h('span', { class: 'status' });
  const lag = h('span', {}, '—');
  const figures = {
    accepted: ltr('—'),
    stored: ltr('—'),
    dead_letters: ltr('—'),
    gaps: ltr('—'),
  };
  const sources = sessions
    .filter((tag) => tag.agent === id)
    .map((tag) => ({ path: tag.path, state: h('span'), element: h('li', { class: 'source' }), name: tag.source }));
  for (const { element, name, state } of sources) element.append(ltr(name), ' ', state);

  const pair = (word, figure) => h('div', {}, h('dt', {}, word), h('dd', {}, figure));
  const element = h(
    'li',
    { class: 'agent' },
    h('div', { class: 'agent-name' }, status, ltr(id, { class: 'name' })),
    h(
      'dl',
      { class: 'figures' },
      pair(words.lag, lag),
      pair(words.accepted, figures.accepted),
      pair(words.storedHere, figures.stored),
      pair(words.deadLetters, figures.dead_letters),
      pair(words.gaps, figures.gaps),
    ),
    sources.length > 0 &&
      h('ul', { class: 'sources', 'aria-label': words.sources }, ...sources.map((source) => source.element)),
  );
  return {
    element,
    update({ agents, values, now }) {
      const agent = agents.find((each) => each.agent === id);
      if (!agent) return;
      status.dataset.state = agent.online ? 'good' : 'bad';
      setText(status, agent.online ? words.online : words.offline);
      for (const [key, figure] of Object.entries(figures)) setText(figure, format.count(agent[key]));
      setText(lag, lagText(lagOf(agent, now), format));
      for (const source of sources) {
        const value = values.get(source.path)?.value;
        const state = value === true ? 'sourceUp' : value === false ? 'sourceDown' : 'sourceUnknown';
        source.element.dataset.state = value === true ? 'good' : value === false ? 'bad' : 'unknown';
        setText(source.state, words[state]);
      }
    },
  };
}

/** Seconds since the newest frame was accepted at the agent. */
export const lagOf = (agent, now) =>
  agent.last_accepted_at === null ? undefined : Math.max(0, (now - Date.parse(agent.last_accepted_at)) / 1000);

export const lagText = (lag, format) => (lag === undefined ? '—' : format.delay(lag));

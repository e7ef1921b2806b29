/** The first row: how many agents are there, how much has arrived, and the proof that nothing is missing, on demand. */

import { h, ltr, setText } from '../../protocols/page/dom.js';
import { lagOf, lagText } from './agent.js';
import { getJson } from './live.js';

export function createSummary(token, { words, format }) {
  const tiles = {
    agentsOnline: h('dd'),
    stored: h('dd'),
    deadLetters: h('dd'),
    greatestLag: h('dd'),
  };
  const element = h(
    'section',
    { class: 'summary' },
    h(
      'dl',
      { class: 'tiles' },
      ...Object.entries(tiles).map(([word, figure]) => h('div', { class: 'tile' }, h('dt', {}, words[word]), figure)),
    ),
    createProof(token, { words, format }),
  );
  return {
    element,
    update({ agents, now }) {
      const sum = (key) => agents.reduce((total, agent) => total + agent[key], 0);
      const lags = agents.map((agent) => lagOf(agent, now)).filter((lag) => lag !== undefined);
      const online = agents.filter((agent) => agent.online).length;
      setText(tiles.agentsOnline, words.ofTotal(format.count(online), format.count(agents.length)));
      setText(tiles.stored, format.count(sum('stored')));
      setText(tiles.deadLetters, format.count(sum('dead_letters')));
      setText(tiles.greatestLag, lagText(lags.length === 0 ? undefined : Math.max(...lags), format));
    },
  };
}

/** Asks the hub to verify itself against its store; for those whose token permits it, the others are told so. */
function createProof(token, { words, format }) {
  const button = h('button', { type: 'button' }, words.prove);
  const result = h('p', { class: 'proof-result', role: 'status' }, words.promise);
  button.addEventListener('click', async () => {
    button.disabled = true;
    result.dataset.state = '';
    setText(result, words.proving);
    try {
      const proof = await getJson('/verification', token);
      result.dataset.state = proof.ok ? 'good' : 'bad';
      if (proof.ok) setText(result, words.proved(sums(proof.streams, format)) + twice(proof.doubles, words, format));
      else result.replaceChildren(words.notProved, ' ', ltr(proof.sentence));
    } catch (error) {
      result.dataset.state = 'bad';
      result.replaceChildren(ltr(error.message));
    }
    button.disabled = false;
  });
  return h('div', { class: 'proof' }, result, button);
}

const twice = ({ count }, words, format) => (count === 0 ? '' : ` ${words.cameTwice(format.count(count))}`);

function sums(streams, format) {
  const total = (key) => streams.reduce((sum, stream) => sum + stream[key], 0);
  const sum = (key) => format.count(total(key));
  return {
    // What another hub accounts for is told in its part.
    through: format.count(total('through') - total('inherited')),
    stored: sum('stored'),
    deadLetters: sum('dead_letters'),
    gaps: sum('gap_numbers'),
    compared: sum('frames_compared'),
    frames: sum('frames'),
  };
}

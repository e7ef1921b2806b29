/** The page: takes the token, follows the hub, and rebuilds itself when language or plant change. */
import { h, setText } from '../../protocols/page/dom.js';
import { createFormat } from './format.js';
import { follow, loadCatalogue, Refused } from './live.js';
import { createPlants } from './plants.js';
import { createSummary } from './summary.js';
import { words as dictionary } from './words.js';

const tokenKey = 'payesh.token';
const languageKey = 'payesh.language';
const clockMs = 1000;
const reloadPauseMs = 5000;
const byId = (id) => document.getElementById(id);

const state = { agents: [], values: new Map(), kpis: new Map(), now: Date.now() };
/** The hub's clock, which may run faster than ours: what it showed, and when we heard it. */
let heard = { hub: Date.now(), here: performance.now(), speed: 1 };
let connection = 'connecting';
let catalogue;
/** Something was told of that the catalogue does not hold, or may not hold any more. */
let outdated = false;
let shown;
let session;
let lang = localStorage.getItem(languageKey) ?? (navigator.languages.some((each) => /^fa\b/.test(each)) ? 'fa' : 'en');
let words;
let format;

function speak(language) {
  lang = language;
  words = dictionary[lang];
  format = createFormat(lang, words);
  document.documentElement.lang = lang;
  document.documentElement.dir = lang === 'fa' ? 'rtl' : 'ltr';
  document.title = `${words.brand} · ${dictionary[lang === 'fa' ? 'en' : 'fa'].brand}`;
  for (const element of document.querySelectorAll('[data-text]')) setText(element, words[element.dataset.text]);
  const toggle = byId('language');
  setText(toggle, words.other);
  toggle.lang = lang === 'fa' ? 'en' : 'fa';
  build();
}

/** Everything below the top, anew. */
function build() {
  shown = undefined;
  const place = byId('plants');
  if (catalogue && state.agents.length === 0 && catalogue.assets.length === 0) {
    place.replaceChildren(h('section', { class: 'panel' }, h('h2', {}, words.emptyTitle), h('p', {}, words.emptyHint)));
  } else if (catalogue) {
    const context = { words, format, lang };
    const parts = [createSummary(session.token, context), createPlants(catalogue, state.agents, context)];
    place.replaceChildren(parts[0].element, ...parts[1].elements);
    shown = parts;
  } else place.replaceChildren();
  refresh();
}

function refresh() {
  state.now = heard.hub + (performance.now() - heard.here) * heard.speed;
  const clock = byId('clock');
  setText(clock, catalogue ? format.moment(state.now) : '');
  const status = byId('connection');
  status.hidden = !session;
  status.dataset.state = { live: 'good', lost: 'bad' }[connection] ?? 'unknown';
  setText(status, words[connection]);
  const notice = byId('notice');
  notice.hidden = connection !== 'lost' || !catalogue;
  if (!notice.hidden) setText(notice, words.lostNotice(format.time(heard.hub)));
  byId('plants').classList.toggle('old', connection === 'lost');
  for (const part of shown ?? []) part.update(state);
}

function take(name, data) {
  heard = { hub: Date.parse(data.now), here: performance.now(), speed: data.speed ?? heard.speed };
  connection = 'live';
  const agentsBefore = state.agents.map(({ agent }) => agent).join();
  if (name === 'snapshot') state.values.clear();
  for (const { path, ...value } of data.values ?? []) state.values.set(path, value);
  if (data.agents) state.agents = data.agents;
  if (data.kpis) state.kpis = groupKpis(data.kpis);
  const isNew = state.agents.map(({ agent }) => agent).join() !== agentsBefore;
  const isUnknown = data.values?.some(({ path }) => !catalogue.known.has(path));
  outdated ||= isNew || isUnknown || name === 'snapshot';
  if (outdated) void session.reload();
  else refresh();
}

const groupKpis = (values) => {
  const groups = Map.groupBy(values, ({ asset }) => asset);
  return new Map([...groups].map(([asset, list]) => [asset, new Map(list.map((value) => [value.kpi, value]))]));
};

async function open(token) {
  const ended = new AbortController();
  let reloadedAt = -reloadPauseMs;
  const reload = async () => {
    if (performance.now() - reloadedAt < reloadPauseMs) return refresh();
    reloadedAt = performance.now();
    outdated = false;
    try {
      catalogue = withPaths(await loadCatalogue(token, ended.signal));
      if (!ended.signal.aborted) build();
    } catch (error) {
      if (error instanceof Refused) leave(words.refused);
      else outdated = true;
    }
  };
  session = { token, reload, end: () => ended.abort() };
  byId('entry').hidden = true;
  byId('leave').hidden = false;
  connection = 'connecting';
  catalogue ??= withPaths({ assets: [], definitions: [], tags: [] });
  refresh();
  await follow(
    token,
    {
      event: take,
      lost() {
        connection = 'lost';
        refresh();
      },
      refused: () => leave(words.refused),
    },
    ended.signal,
  );
}

const withPaths = (loaded) => ({ ...loaded, known: new Set(loaded.tags.map(({ path }) => path)) });

function leave(reason = '') {
  session?.end();
  session = undefined;
  catalogue = undefined;
  state.agents = [];
  state.values.clear();
  state.kpis.clear();
  sessionStorage.removeItem(tokenKey);
  byId('leave').hidden = true;
  byId('entry').hidden = false;
  setText(byId('entry-error'), reason);
  build();
  byId('token').focus();
}

/** From the address, where it is wiped off at once, or from this tab's memory. */
function findToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    sessionStorage.setItem(tokenKey, given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(tokenKey);
}

byId('language').addEventListener('click', () => {
  localStorage.setItem(languageKey, lang === 'fa' ? 'en' : 'fa');
  speak(lang === 'fa' ? 'en' : 'fa');
});
byId('leave').addEventListener('click', () => leave());
byId('entry').addEventListener('submit', (event) => {
  event.preventDefault();
  const token = byId('token').value.trim();
  byId('token').value = '';
  sessionStorage.setItem(tokenKey, token);
  void open(token);
});

addEventListener('hashchange', () => {
  const given = findToken();
  if (!given || given === session?.token) return;
  leave();
  sessionStorage.setItem(tokenKey, given);
  void open(given);
});

speak(lang);
setInterval(refresh, clockMs);
const token = findToken();
if (token) void open(token);
else leave();

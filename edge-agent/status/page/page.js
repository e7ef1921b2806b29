/** The page: asks the agent, says in one sentence how it is, and rebuilds itself when the language changes. */

import { ltr, setText } from '../../../protocols/page/dom.js';
import { createDevices } from './devices.js';
import { setHidden } from './dom.js';
import { createFlow } from './flow.js';
import { createFormat } from './format.js';
import { startPolling } from './poll.js';
import { createProblemList } from './problem-list.js';
import { createTags } from './tags.js';
import { words as dictionary } from './words.js';

const languageKey = 'payesh.language';
const tickMs = 1000;
/** One question that is lost is not worth a word; what was not answered for so long is. */
const goneMs = 6000;
/** Faster than any demo: the agent's clock was set. */
const maxSpeed = 100;
const byId = (id) => document.getElementById(id);

let lang = localStorage.getItem(languageKey) ?? (navigator.languages.some((each) => /^fa\b/.test(each)) ? 'fa' : 'en');
let words;
let format;
let parts;
let report;
let tags;
/** The agent's clock, which in a demo may run faster than ours: what it showed, and when we heard it. */
let heard;
let failing = false;
const view = { search: '', source: '', filter: 'all', order: 'path', descending: false, page: 0 };

function speak(language) {
  lang = language;
  words = dictionary[lang];
  format = createFormat(lang);
  document.documentElement.lang = lang;
  document.documentElement.dir = lang === 'fa' ? 'rtl' : 'ltr';
  for (const element of document.querySelectorAll('[data-text]')) setText(element, words[element.dataset.text]);
  const toggle = byId('language');
  setText(toggle, words.other);
  toggle.lang = lang === 'fa' ? 'en' : 'fa';
  const context = { words, format, lang, show: showTags };
  byId('problem-list').replaceChildren();
  byId('devices').replaceChildren();
  parts = {
    problems: createProblemList({ section: byId('problems'), list: byId('problem-list') }, context),
    flow: createFlow(byId('flow'), context),
    devices: createDevices(byId('devices'), context),
    tags: createTags(byId('tag-table'), view, context),
  };
  updateTags();
  refresh();
}

function showTags(choice) {
  parts.tags.choose({ search: '', ...choice });
  byId('tags-title').focus();
}

const now = () => (heard ? heard.agent + (performance.now() - heard.here) * 1000 * heard.speed : 0);
const isGone = () => failing && (!heard || performance.now() - heard.here > goneMs);

function take(news) {
  failing = false;
  if (news.report) {
    const here = performance.now();
    // The speed of a scaled clock shows over a while; a pause of the page is no measure.
    const elapsed = heard && report.startedAt === news.report.startedAt ? (here - heard.here) * 1000 : 0;
    const speed =
      elapsed > 0 && elapsed < 20e6 ? Math.min(maxSpeed, Math.max(0, (news.report.now - heard.agent) / elapsed)) : 1;
    heard = { agent: news.report.now, here, speed };
    const before = report && statesOf(report);
    report = news.report;
    if (before !== statesOf(report)) updateTags();
  }
  if (news.tags) {
    tags = news.tags;
    updateTags();
  }
  refresh();
}

const statesOf = ({ sources }) => sources.map(({ id, state }) => `${id} ${state}`).join();

function updateTags() {
  if (!tags || !report) return;
  const away = report.sources.filter(({ state }) => state !== 'up').map(({ id }) => id);
  parts.tags.update(tags, new Set(away), now());
}

function refresh() {
  const time = now();
  if (report) {
    setHidden(byId('content'), false);
    parts.problems.update(report, time);
    parts.flow.update(report, time);
    parts.devices.update(report, newestBySource(tags ?? []), time);
    parts.tags.tick(time);
    drawHeader(time);
  }
  drawOverall(time);
}

function newestBySource(list) {
  const newest = new Map();
  for (const { source, latest } of list) {
    if (latest && latest.time > (newest.get(source) ?? 0)) newest.set(source, latest.time);
  }
  return newest;
}

function drawHeader(time) {
  const { agent, site, version, startedAt, config } = report;
  setText(byId('agent'), agent);
  const place = byId('place');
  const line = `${site} ${version} ${lang}`;
  if (place.dataset.line !== line) {
    place.dataset.line = line;
    place.replaceChildren(`${words.place} `, ltr(site, { class: 'name' }), ' · ', words.version(version));
  }
  setText(byId('clock'), format.moment(time));
  setText(
    byId('about'),
    [
      words.running(format.span((time - startedAt) / 1e6)),
      words.config(format.count(config.version), format.since(config.appliedAt, time)),
    ].join(' · '),
  );
}

function drawOverall(time) {
  const { state, what, more } = overall(time);
  byId('overall').dataset.state = state;
  setText(byId('overall-what'), what);
  setText(byId('overall-more'), more);
  const raised = state === 'bad' || state === 'warn' ? '● ' : '';
  document.title = `${raised}${report ? `${report.agent} · ` : ''}${words.brand}`;
  byId('content').classList.toggle('old', isGone());
}

function overall() {
  if (isGone()) {
    return { state: 'bad', what: words.gone, more: heard ? words.goneMore(format.time(heard.agent)) : words.goneNever };
  }
  if (!report) return { state: 'unknown', what: words.loading, more: '' };
  const { sources } = report;
  // That nobody has compared a tag yet is worth a line in the list, but nothing is wrong.
  const problems = report.problems.filter(({ code }) => code !== 'not-commissioned');
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  if (errors > 0) return { state: 'bad', what: words.someErrors(format.count(errors), errors), more: words.listed };
  const up = sources.filter((source) => source.state === 'up').length;
  if (up < sources.length && problems.length === 0) {
    const more = words.startingMore(format.count(up), format.count(sources.length));
    return { state: 'unknown', what: words.starting, more };
  }
  if (problems.length > 0) {
    const { length } = problems;
    return { state: 'warn', what: words.someWarnings(format.count(length), length), more: words.listed };
  }
  const measured = sources.reduce((sum, { tags: { good, uncertain, bad } }) => sum + good + uncertain + bad, 0);
  const more = words.wellMore(words.devicesUp(format.count(up), up), words.tagsRead(format.count(measured), measured));
  return { state: 'good', what: words.well, more };
}

byId('language').addEventListener('click', () => {
  localStorage.setItem(languageKey, lang === 'fa' ? 'en' : 'fa');
  speak(lang === 'fa' ? 'en' : 'fa');
});

speak(lang);
setInterval(() => {
  if (!document.hidden) refresh();
}, tickMs);
startPolling({
  taken: take,
  failed() {
    failing = true;
    refresh();
  },
});

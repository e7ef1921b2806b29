/** What is wrong, the worst first, each with what it means and what to do. Stays open or shut as the reader left it. */
import { h, ltr, setText } from '../../../protocols/page/dom.js';
import { marked, setHidden } from './dom.js';
import { tellProblem } from './tell-problem.js';

const keyOf = ({ code, subject }) => `${code} ${subject ?? ''}`;

export function createProblemList({ section, list }, { words, format, lang }) {
  let shown = new Map();
  return {
    update({ problems }, now) {
      setHidden(section, problems.length === 0);
      const before = shown;
      shown = new Map(problems.map((problem) => [keyOf(problem), before.get(keyOf(problem)) ?? createEntry()]));
      for (const problem of problems) shown.get(keyOf(problem)).update(problem, now);
      const wanted = [...shown.values()].map(({ element }) => element);
      if (wanted.length !== list.children.length || wanted.some((element, i) => element !== list.children[i])) {
        list.replaceChildren(...wanted);
      }
    },
  };

  function createEntry() {
    const severity = h('span', { class: 'severity' });
    const what = h('span', { class: 'what' });
    const since = h('span', { class: 'since' });
    const means = h('p', { class: 'means' });
    const todo = h('ol', { class: 'todo' });
    const details = h(
      'details',
      {},
      h('summary', {}, h('span', { class: 'headline' }, severity, ' ', h('h3', {}, what)), ' ', since),
      h('div', { class: 'problem-body' }, means, h('h4', {}, words.todo), todo),
    );
    const element = h('li', { class: 'problem' }, details);
    let told = '';
    return {
      element,
      update(problem, now) {
        if (element.dataset.severity !== problem.severity) {
          element.dataset.severity = problem.severity;
          setText(severity, words.severity[problem.severity]);
          details.open = problem.severity === 'error';
        }
        const { since: from } = problem;
        setText(since, from === undefined ? '' : words.since(format.since(from, now), format.span((now - from) / 1e6)));
        const text = tellProblem(problem, lang, format);
        if (told === JSON.stringify(text)) return;
        told = JSON.stringify(text);
        what.replaceChildren(...marked(text.what, words.copy));
        means.replaceChildren(...marked(text.means, words.copy));
        todo.replaceChildren(...text.todo.map((step) => h('li', {}, ...withMessages(step))));
      },
    };
  }

  /** What a device or a library says of itself is in its own language, and stands apart. */
  function withMessages(step) {
    const [, ours, theirs] = /^(Its own message: |متن خطا: )\u2068?(.*?)\u2069?$/s.exec(step) ?? [];
    return theirs === undefined ? marked(step, words.copy) : [ours, ltr(theirs, { class: 'message' })];
  }
}

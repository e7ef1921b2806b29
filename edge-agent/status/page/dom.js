/** What only this page has of elements: hiding, and sentences with commands to copy. */
import { h, ltr } from '../../../protocols/page/dom.js';

export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/**
 * A sentence in which backticks mark names, addresses and commands. Commands, which have blanks, come with a button
 * that copies them.
 */
export function marked(text, copyLabel) {
  return text.split('`').flatMap((part, i) => {
    if (i % 2 === 0) return part === '' ? [] : [part];
    if (!part.includes(' ')) return [ltr(part, { class: 'name' })];
    const button = h('button', {
      type: 'button',
      class: 'copy',
      'aria-label': `${copyLabel}: ${part}`,
      title: copyLabel,
    });
    button.addEventListener('click', () => void copy(button, part));
    return [h('span', { class: 'command' }, h('code', { dir: 'ltr' }, part), button)];
  });
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return; // Without a clipboard the command can still be selected.
  }
  button.classList.add('done');
  setTimeout(() => button.classList.remove('done'), 1500);
}

/** Makes elements. Text only ever becomes text nodes: nothing that came from a plant is read as HTML. */

export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A name or an address in Latin letters: left to right, also within a Persian sentence. */
export const ltr = (text, attributes = {}) => h('bdi', { dir: 'ltr', ...attributes }, text);

/** Sets a text only when it changed, so that selections and screen readers are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

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

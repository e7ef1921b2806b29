/** Makes elements, for the pages of agent and hub. Text only ever becomes text nodes: nothing that came from a plant is read as HTML. */

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

/** A number with its unit, a name or an address in Latin letters: always left to right, also in a Persian sentence. */
export const ltr = (text, attributes = {}) => h('bdi', { dir: 'ltr', ...attributes }, text);

/** Sets a text only when it changed, so that selections and screen readers are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

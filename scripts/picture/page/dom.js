// Elements that stay as long as what they show does, and are written to only where it changed.

export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export function s(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function text(element, value) {
  if (element.shown !== value) element.textContent = element.shown = value;
}

export function attribute(element, key, value) {
  if (element.getAttribute(key) !== String(value)) element.setAttribute(key, value);
}

// The children of `parent` become one for each item, in their order: `make(item)`, once for each
// key, and `update(element, item)`, each time.
export function keyed(parent, items, keyOf, make, update) {
  const before = parent.kept ?? new Map();
  const after = new Map();
  for (const item of items) {
    const key = keyOf(item);
    after.set(key, before.get(key) ?? make(item));
  }
  for (const [key, element] of before) if (!after.has(key)) element.remove();
  let place = parent.firstChild;
  for (const element of after.values()) {
    if (element === place) place = place.nextSibling;
    else parent.insertBefore(element, place);
  }
  parent.kept = after;
  let index = 0;
  for (const element of after.values()) update(element, items[index++]);
}

const plain = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });

export const number = (value) => (value === null || value === undefined ? "–"
  : Math.abs(value) < 1e7 ? plain.format(value) : short.format(value));

export const count = (value, what) => `${number(value)} ${what}${value === 1 ? "" : "s"}`;

// Bytes in the unit that gives them one to four digits before the point. Disks are counted in
// thousands, as their makers do, memory in 1,024s, as Java does.
export function bytes(value, thousand = 1000) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const step = Math.min(Math.max(Math.floor(Math.log(Math.max(value, 1)) / Math.log(thousand)), 0), 4);
  const scaled = value / thousand ** step;
  return `${scaled < 10 && step ? scaled.toFixed(1) : Math.round(scaled)} ${units[step]}`;
}

export const clock = (at) => new Date(at * 1000).toLocaleTimeString("en-GB");

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

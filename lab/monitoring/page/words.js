// Numbers in words, and the few elements that are made again and again.
const SCALED = ["short", "ops", "bytes", "Bps"];
const ENDS = { ops: "/s", Bps: "/s", ms: " ms", s: " s", percentunit: " %" };

export function shown(value, unit) {
  if (!Number.isFinite(value)) return "–";
  if (unit === "percentunit") return `${digits(value * 100)} %`;
  if (unit === "ms" && Math.abs(value) >= 1000) return shown(value / 1000, "s");
  let size = 0, left = value;
  while (SCALED.includes(unit) && Math.abs(left) >= 1000 && size < 4) { left /= 1000; size += 1; }
  const bytes = unit === "bytes" || unit === "Bps";
  const prefix = ["", "k", "M", "G", "T"][size];
  return `${digits(left)}${bytes ? ` ${prefix}B` : prefix}${ENDS[unit] ?? ""}`;
}

function digits(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.001) return value.toExponential(0);
  return String(Number(value.toFixed(size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0)));
}

// A series' name: the legend with its labels in it.
export function named(legend, labels) {
  return legend.replace(/\{\{(\w+)\}\}/g, (_, label) => labels[label] ?? "").trim();
}

export function clock(seconds, long) {
  const options = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (long) options.second = "2-digit";
  return new Date(seconds * 1000).toLocaleTimeString([], options);
}

export function element(tag, { text, ...attributes } = {}, ...children) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, value);
  if (text !== undefined) found.textContent = text;
  found.append(...children);
  return found;
}

// A colour cannot stand in a style attribute here: the page's policy allows none.
export function dot(colour) {
  const found = element("span", { class: "dot" });
  found.style.background = colour;
  return found;
}

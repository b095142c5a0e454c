// One panel's picture: lines over time, bars, or numbers.
import { clock, dot, element, named, shown } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 190, LEFT = 58, RIGHT = 8, TOP = 8, BOTTOM = 22;
const MOST_LINES = 12, MOST_ROWS = 12;

function drawn(tag, attributes, text) {
  const found = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, value);
  if (text !== undefined) found.textContent = text;
  return found;
}

export function colour(index) { return `var(--c${index % 10})`; }

// What Prometheus answered, as series with names; the same name stays at the same place.
export function series(panel, answers) {
  const found = answers.flatMap((answer, index) => answer.map((one) => ({
    name: named(panel.queries[index].legend, one.metric),
    points: (one.values ?? [one.value]).map(([at, value]) => [at, Number(value)]),
  })));
  found.sort((one, other) => one.name.localeCompare(other.name, [], { numeric: true }));
  return found;
}

function last(one) { return one.points.at(-1)[1]; }

function bad(panel, value) {
  return (panel.above !== null && value > panel.above) || (panel.below !== null && value < panel.below);
}

export function draw(box, panel, found, span) {
  box.replaceChildren();
  if (!found.length) {
    box.append(element("p", { class: "nothing", text: "nothing yet" }));
  } else if (panel.kind === "stat") numbers(box, panel, found);
  else if (panel.kind === "bars") bars(box, panel, found);
  else lines(box, panel, found, span);
}

function numbers(box, panel, found) {
  const cell = (one, alone) => element("span", {
    class: `number${bad(panel, last(one)) ? " bad" : ""}`, text: shown(last(one), panel.unit),
    ...(alone ? { title: one.name } : {}),
  });
  if (found.length === 1) { box.append(cell(found[0], true)); return; }
  box.append(element("ul", { class: "many" }, ...found.map((one) => element(
    "li", {}, element("span", { text: one.name }), cell(one, false),
  ))));
}

function bars(box, panel, found) {
  const sorted = [...found].sort((one, other) => last(other) - last(one));
  if (panel.below !== null) sorted.reverse();
  if (sorted.every((one) => last(one) === 0)) {
    box.append(element("p", { class: "nothing zero", text: `0 in each of ${sorted.length}` }));
    return;
  }
  const most = panel.unit === "percentunit" ? 1 : Math.max(...sorted.map(last), 1e-9);
  for (const one of sorted.slice(0, MOST_ROWS)) {
    const fill = element("i");
    fill.style.width = `${Math.max(0, Math.min(1, last(one) / most)) * 100}%`;
    box.append(element(
      "div", { class: `row${bad(panel, last(one)) ? " bad" : ""}` },
      element("span", { class: "name", text: one.name, title: one.name }),
      element("span", { class: "value", text: shown(last(one), panel.unit) }),
      element("span", { class: "track" }, fill),
    ));
  }
  more(box, sorted.length - MOST_ROWS);
}

function more(box, count) {
  if (count > 0) box.append(element("p", { class: "more", text: `and ${count} more` }));
}

function ticks(most) {
  const raw = most / 3, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * size).find((one) => one >= raw);
  const found = [];
  for (let at = 0; at < most + step * 0.999; at += step) found.push(at);
  return found;
}

// Where there are many, those are drawn that were highest.
function lines(box, panel, all, { from, to, step }) {
  const peak = (one) => Math.max(...one.points.map(([, value]) => value).filter(Number.isFinite));
  const found = [...all].sort((one, other) => peak(other) - peak(one)).slice(0, MOST_LINES)
    .sort((one, other) => all.indexOf(one) - all.indexOf(other));
  const width = Math.max(box.clientWidth, 260);
  const values = found.flatMap((one) => one.points.map(([, value]) => value)).filter(Number.isFinite);
  const marks = ticks(Math.max(...values, 0) || (panel.unit === "percentunit" ? 0.01 : 1));
  const top = marks.at(-1);
  const x = (at) => LEFT + (at - from) / (to - from) * (width - LEFT - RIGHT);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const picture = drawn("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, role: "img",
    "aria-label": `${panel.title}: ${found.map((one) => `${one.name} ${shown(last(one), panel.unit)}`).join(", ")}`,
  });
  for (const mark of marks) {
    picture.append(
      drawn("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(mark), y2: y(mark) }),
      drawn("text", { x: LEFT - 7, y: y(mark) + 4, "text-anchor": "end" }, shown(mark, panel.unit)),
    );
  }
  const parts = width < 420 ? 2 : 4;
  for (let part = 0; part <= parts; part += 1) {
    const at = from + (to - from) * part / parts;
    picture.append(drawn("text", {
      x: x(at), y: HEIGHT - 4, "text-anchor": part === 0 ? "start" : part === parts ? "end" : "middle",
    }, clock(at, to - from <= 900)));
  }
  found.forEach((one, index) => {
    const path = drawn("path", { d: way(one.points, x, y, step) });
    path.style.stroke = colour(index);
    picture.append(path);
  });
  box.append(picture, element("ul", { class: "legend" }, ...found.map((one, index) => element(
    "li", {}, dot(colour(index)), element("span", { class: "name", text: one.name, title: one.name }),
    element("span", { class: "value", text: shown(last(one), panel.unit) }),
  ))));
  more(box, all.length - found.length);
  pointed(box, picture, panel, found, { x, width, from, to });
}

// A line is not drawn over what was not seen.
function way(points, x, y, step) {
  let before = -Infinity, found = "";
  for (const [at, value] of points) {
    if (!Number.isFinite(value)) continue;
    found += `${at - before > step * 1.5 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    if (points.length === 1) found += "h3";
    before = at;
  }
  return found;
}

// The values at the moment under the pointer.
function pointed(box, picture, panel, found, { x, width, from, to }) {
  const line = drawn("line", { class: "at", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  picture.append(line);
  let tip = null;
  const away = () => { tip?.remove(); tip = null; line.setAttribute("visibility", "hidden"); };
  picture.addEventListener("pointerleave", away);
  picture.addEventListener("pointermove", (event) => {
    const area = picture.getBoundingClientRect();
    const part = ((event.clientX - area.left) / area.width * width - LEFT) / (width - LEFT - RIGHT);
    if (part < 0 || part > 1) { away(); return; }
    const wanted = from + part * (to - from);
    const times = found.flatMap((one) => one.points.map(([at]) => at));
    const at = times.reduce((best, one) => Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best);
    line.setAttribute("x1", x(at));
    line.setAttribute("x2", x(at));
    line.setAttribute("visibility", "visible");
    tip?.remove();
    tip = element("div", { class: "tip" }, element("span", { text: clock(at, true) }), element(
      "ul", {}, ...found.flatMap((one, index) => {
        const point = one.points.find(([when]) => when === at);
        return point ? [element(
          "li", {}, dot(colour(index)), element("span", { text: one.name }),
          element("span", { class: "value", text: shown(point[1], panel.unit) }),
        )] : [];
      }),
    ));
    box.append(tip);
    const left = x(at) / width * area.width + 14;
    tip.style.left = `${Math.max(0, left + tip.offsetWidth > area.width ? left - tip.offsetWidth - 14 : left + 10)}px`;
    tip.style.top = `${picture.offsetTop + 6}px`;
  });
}

// Mirrors as arcs from island to island, and as lines where islands stand below each other.
import { attribute, count, h, keyed, number, s, text } from "./dom.js";

const SPEED = 60; // pixels a second of the dashes, at most

export function words(mirror) {
  if (mirror.problem) return [`✗ ${mirror.problem}`, ""];
  const { rate, records, seconds, checkpoint_age: age } = mirror.flow ?? {};
  const first = rate ? `${number(Math.round(rate))} rec/s` : rate === 0 ? "idle" : "…";
  const behind = records ? `${count(records, "record")} · ${(seconds ?? 0).toFixed(1)} s behind`
    : records === 0 ? "nothing waits" : "";
  // Only a member that reads something new makes another: else its age tells of no fault.
  const checkpoint = age === null || age === undefined || !rate || !mirror.read ? "" : `checkpoint ${age < 10 ? age.toFixed(1) : Math.round(age)} s ago`;
  return [first, [behind, checkpoint].filter(Boolean).join(" · ")];
}

export function drawArcs(band, list, mirrors, hues) {
  band.toggleAttribute("hidden", !mirrors.length); // which an element of SVG has no property for
  list.hidden = !mirrors.length;
  keyed(list, mirrors, (one) => one.name, () => h("li", {}, h("b"), h("span", { class: "dashes" }), h("span")),
    (item, one) => {
      const [first, second] = words(one);
      attribute(item, "class", `hue${hues.get(one.source) ?? 0}${one.problem ? " bad" : one.flow?.rate ? "" : " idle"}`);
      text(item.children[0], `${one.source} → ${one.target}`);
      flowing(item.children[1], one);
      text(item.children[2], [first, second].filter(Boolean).join(" · "));
    });
  const box = band.getBoundingClientRect();
  if (!mirrors.length || !box.width) return;
  attribute(band, "viewBox", `0 0 ${Math.round(box.width)} ${Math.round(box.height)}`);
  const ways = spread(mirrors, box);
  keyed(band, ways, (one) => one.mirror.name, arc, drawArc);
}

function arc() {
  return s("g", {}, s("path", { class: "bed" }), s("path", { class: "flow" }), s("path", { class: "tip" }),
    s("text", { class: "first" }), s("text", { class: "second" }), s("title"));
}

// Where each arc begins and ends. Those between the same two islands lie within each other.
function spread(mirrors, box) {
  const pairs = new Map();
  return mirrors.flatMap((mirror) => {
    const [from, to] = [mirror.source, mirror.target].map((name) => {
      const rect = document.querySelector(`[data-datacenter="${CSS.escape(name)}"]`)?.getBoundingClientRect();
      return rect ? rect.x + rect.width / 2 - box.x : null;
    });
    if (from === null || to === null) return [];
    const pair = [mirror.source, mirror.target].sort().join("/");
    const depth = pairs.get(pair) ?? 0;
    pairs.set(pair, depth + 1);
    const way = Math.sign(to - from);
    const inset = way * (depth * 110 - 70);
    // Between which sides its words stand: the first line of the outermost between none, of another
    // between those of the arc around it, and the second line between its own, which lean there.
    const wide = Math.abs(to - from) - 2 * (depth * 110 - 70);
    const rooms = [depth ? wide + 220 : box.width, wide - 50];
    return [{ mirror, from: from + inset, to: to - inset, top: 26 + depth * 56, bottom: box.height, way, rooms }];
  });
}

function drawArc(group, { mirror, from, to, top, bottom, way, rooms }) {
  const hue = document.querySelector(`[data-datacenter="${CSS.escape(mirror.source)}"]`).className.match(/hue\d/)[0];
  const idle = !mirror.problem && !mirror.flow?.rate;
  attribute(group, "class", `${hue}${mirror.problem ? " bad" : ""}${idle ? " idle" : ""}`);
  const bend = Math.min(44, bottom - top - 8);
  const d = `M${from} ${bottom - 2}C${from} ${top + bend * 0.3} ${from + way * 20} ${top} ${from + way * 70} ${top}`
    + `L${to - way * 70} ${top}C${to - way * 20} ${top} ${to} ${top + bend * 0.3} ${to} ${bottom - 8}`;
  const [bed, flow, tip, first, second, title] = group.children;
  attribute(bed, "d", d);
  attribute(flow, "d", d);
  flowing(flow, mirror);
  attribute(tip, "d", `M${to - 6} ${bottom - 11}L${to} ${bottom - 1}L${to + 6} ${bottom - 11}z`);
  const middle = (from + to) / 2;
  const [one, two] = words(mirror);
  const head = `${mirror.source} → ${mirror.target}  ${one}`;
  attribute(first, "y", top - 9);
  attribute(second, "y", top + 19);
  for (const element of [first, second]) attribute(element, "x", middle);
  text(title, [head, two].filter(Boolean).join(" · "));
  const rest = fitted(first, head, rooms[0], !two);
  fitted(second, two || rest, rooms[1], false);
}

const EDGE = 24; // pixels between words and an arc, on both sides together

// Write as much as there is room for: whole words where what is left can `go` on elsewhere, and is
// given back, else as many letters as fit. To measure is dear: it is done where something changed.
function fitted(element, value, room, go) {
  const asked = `${Math.round(room)} ${value}`;
  if (element.asked === asked) return element.rest;
  element.asked = asked;
  element.rest = "";
  text(element, value);
  const limit = room - EDGE;
  if (!value || element.getComputedTextLength() <= limit) return "";
  const fits = (count) => element.getSubStringLength(0, count) <= limit;
  let count = value.length - 1;
  while (count > 1 && !fits(count)) count -= 1;
  const space = value.lastIndexOf(" ", count);
  if (go && space > 0) {
    element.rest = value.slice(space + 1);
    text(element, value.slice(0, space));
  } else text(element, `${value.slice(0, Math.max(count - 1, 1)).trimEnd()}…`);
  return element.rest;
}

// Dashes move as fast as records do: one a second is slow, a thousand are fast.
function flowing(element, { problem, flow }) {
  const speed = problem || !flow?.rate ? 0 : Math.min(SPEED, 8 + 14 * Math.log10(1 + flow.rate));
  const seconds = speed ? `${(16 / speed).toFixed(1)}s` : "";
  const state = speed ? "running" : "paused";
  if (element.style.animationDuration !== seconds) element.style.animationDuration = seconds;
  if (element.style.animationPlayState !== state) element.style.animationPlayState = state;
}

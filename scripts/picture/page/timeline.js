// The last ten minutes: a slider, a point for each moment of which something was told, and words.
import { attribute, clock, h, keyed, s, text } from "./dom.js";

const SIGNS = { bad: "✗", good: "✓", plain: "·" };

export function drawTimeline({ slider, points, recent, all }, store, { from, to, go }) {
  attribute(slider, "min", Math.floor(from));
  attribute(slider, "max", Math.ceil(to));
  const at = Math.min(Math.max(store.place, from), to);
  if (document.activeElement !== slider || !slider.matches(":active")) slider.value = at;
  attribute(slider, "aria-valuetext", clock(at));
  slider.style.setProperty("--done", `${(100 * (at - from)) / Math.max(to - from, 1)}%`);
  const told = store.moments.filter((one) => one.lines.length);
  keyed(points, told, (one) => one.id, (one) => {
    const worst = ["bad", "good", "plain"].find((tone) => one.lines.some((line) => line.tone === tone));
    return s("g", { class: worst }, s("title", {}, one.lines.map((line) => sentence(one.at, line)).join("\n")),
      worst === "bad" ? s("path", { d: "M-4.5 4.5L0 -4.5L4.5 4.5z" }) : s("circle", { r: worst === "good" ? 4 : 3 }));
  }, (point, one) => {
    const x = (100 * (one.at - from)) / Math.max(to - from, 1);
    point.onclick = () => go(one.at);
    point.style.transform = `translateX(${x.toFixed(2)}cqw)`;
  });
  drawLines(recent, store.lines(8), go);
  if (all.open) drawLines(all.querySelector("ol"), store.lines(1000, store.moments.length), go);
}

const sentence = (at, line) => `${clock(at)} ${line.where ? `${line.where} ` : ""}${line.text}`;

function drawLines(list, lines, go) {
  keyed(list, lines, (one) => one.key, (one) => h("li", {},
    h("button", { type: "button", class: one.tone, onclick: () => go(one.at) },
      h("time", {}, clock(one.at)), h("i", { "aria-hidden": "true" }, SIGNS[one.tone]),
      h("span", {}, one.where ? `${one.where} ` : "", one.text))), () => {});
  if (list.dataset.empty && !lines.length) text(list.dataset.empty, "");
}

// The page: it keeps the history, listens to what comes, and draws the moment that is looked at.
import { arrange, Store, wrong } from "./store.js";
import { drawArcs } from "./arcs.js";
import { sliding } from "./chips.js";
import { attribute, clock, keyed, number, text } from "./dom.js";
import { drawIsland, island } from "./island.js";
import { drawTimeline } from "./timeline.js";

const SPARK = 60; // seconds
const find = (id) => document.getElementById(id);
const given = JSON.parse(find("history").textContent);
const store = new Store(given.history);
store.place = given.live ? store.ended : store.opening;
let live = given.live;
let player = 0;
let waiting = false;

function draw() {
  waiting = false;
  if (live) store.seek(Infinity);
  else store.seek(store.place);
  const end = given.live ? Math.max(Date.now() / 1000, store.ended) : store.ended;
  if (live) store.place = end;
  const seen = arrange(store.things);
  const rates = store.rates(SPARK);
  sliding(seen.datacenters.flatMap((one) => one.groups), () => {
    keyed(find("islands"), seen.datacenters, (one) => one.name, (one) => {
      const made = island("");
      made.dataset.datacenter = one.name;
      return made;
    }, (element, one) => drawIsland(element, one, rates, later));
  });
  drawArcs(find("arcs"), find("mirrors"), seen.mirrors, new Map(seen.datacenters.map((one) => [one.name, one.hue])));
  drawHead(seen, rates);
  const from = Math.max(store.began, end - store.seconds);
  drawTimeline({ slider: find("slider"), points: find("points"), recent: find("recent"), all: find("all") },
    store, { from, to: Math.max(end, from + 1), go });
}

function later() {
  if (!waiting) {
    waiting = true;
    requestAnimationFrame(draw);
  }
}

function drawHead(seen, rates) {
  const problems = wrong(seen);
  const health = find("health");
  attribute(health, "class", problems.length ? "bad" : "good");
  text(health, problems.length ? `✗ ${problems.join(", ")}` : "✓ healthy");
  const topics = seen.datacenters.flatMap((one) => one.topics.filter((topic) => !topic.internal && !topic.origin)
    .map((topic) => rates.get(`${one.name}/${topic.name}`)?.slice(-3) ?? []));
  const sum = topics.flat().reduce((all, one) => all + one, 0) / 3;
  text(find("rate"), number(Math.round(sum)));
  text(find("clock"), clock(store.place));
  find("live").hidden = !given.live;
  attribute(find("live"), "aria-pressed", live);
  text(find("play"), player ? "❚❚" : "▶");
  attribute(find("play"), "aria-label", player ? "pause" : "play");
  document.body.classList.toggle("past", !live && given.live);
}

function go(at) {
  live = false;
  store.place = at;
  later();
}

function pause() {
  clearInterval(player);
  player = 0;
}

function play() {
  if (player) {
    pause();
    later();
    return;
  }
  if (live || store.place >= store.ended - 0.5) store.place = Math.max(store.began, store.ended - store.seconds);
  live = false;
  let before = performance.now();
  player = setInterval(() => {
    const now = performance.now();
    store.place += ((now - before) / 1000) * Number(find("speed").value);
    before = now;
    if (store.place >= store.ended) {
      store.place = store.ended;
      pause();
      live = given.live;
    }
    later();
  }, 100);
  later();
}

function listen() {
  const source = new EventSource(`events?after=${encodeURIComponent(given.run)}-${store.id}`);
  const state = find("connection");
  source.onopen = () => text(state, "");
  source.onerror = () => text(state, "✗ connection lost, trying again");
  source.addEventListener("state", (message) => {
    store.reset(JSON.parse(message.data));
    later();
  });
  for (const kind of ["event", "tick"]) {
    source.addEventListener(kind, (message) => {
      store.push(JSON.parse(message.data));
      later();
    });
  }
}

find("slider").addEventListener("input", (event) => {
  pause();
  go(Number(event.target.value));
});
find("play").addEventListener("click", play);
find("live").addEventListener("click", () => {
  pause();
  live = true;
  later();
});
find("all").addEventListener("toggle", later);
addEventListener("resize", later);
if (given.live) {
  listen();
  setInterval(later, 1000);
}
// #at=SECONDS goes there, counted from the first moment that is kept; &play goes on from it.
function follow() {
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has("at")) {
    pause();
    live = false;
    store.place = store.began + Number(asked.get("at"));
  }
  if (asked.has("play")) play();
}
addEventListener("hashchange", () => {
  follow();
  later();
});
follow();
draw();

// Which dashboard, of which datacenter, of how long; and every few seconds what Prometheus says now.
import { draw, series } from "./chart.js";
import { element } from "./words.js";

const data = JSON.parse(document.getElementById("data").textContent);
const RANGES = { 300: "5 min", 900: "15 min", 3600: "1 h", 21600: "6 h", 86400: "24 h" };
const POINTS = 180, WAIT_MS = Math.max(data.scrape, 5) * 1000;
let boxes = [], turn = 0, timer = 0;

function chosen() {
  const [name, query] = location.hash.slice(1).split("?");
  const asked = new URLSearchParams(query);
  const range = Number(asked.get("last"));
  return {
    dashboard: data.dashboards.find((one) => one.name === name) ?? data.dashboards[0],
    datacenter: data.datacenters.includes(asked.get("datacenter")) ? asked.get("datacenter") : "",
    range: range in RANGES ? range : 900,
  };
}

function address(name, { datacenter, range }) {
  const query = new URLSearchParams();
  if (datacenter) query.set("datacenter", datacenter);
  if (range !== 900) query.set("last", range);
  return `#${name}${query.size ? `?${query}` : ""}`;
}

async function ask(path, parameters = {}) {
  const address = `/api/v1/${path}?${new URLSearchParams(parameters)}`;
  // A browser gives up what it asks for when the machine's networks change: when hosts are made.
  const answer = await fetch(address).catch(() => fetch(address));
  const found = await answer.json();
  if (found.status !== "success") throw new Error(found.error ?? `status ${answer.status}`);
  return found.data;
}

function arrange() {
  const now = chosen();
  document.getElementById("tabs").replaceChildren(...data.dashboards.map((one) => element("a", {
    href: address(one.name, now), text: one.title,
    ...(one === now.dashboard ? { "aria-current": "page" } : {}),
  })));
  choice("datacenter", [["", "all"], ...data.datacenters.map((one) => [one, one])], now.datacenter);
  choice("range", Object.entries(RANGES).filter(([one]) => one <= data.kept), String(now.range));
  const main = document.getElementById("panels");
  main.replaceChildren();
  const thirds = inThirds(now.dashboard.panels);
  boxes = now.dashboard.panels.map((panel) => {
    const box = element("div"), title = element("h2", { text: panel.title, tabindex: "0" });
    const section = element("section", { class: `${panel.kind}${thirds.has(panel) ? " third" : ""}` }, title);
    const query = element("pre", {
      class: "query", text: panel.queries.map((one) => one.expr).join("\n"), hidden: "",
    });
    const turned = () => { query.hidden = !query.hidden; };
    title.addEventListener("click", turned);
    title.addEventListener("keydown", (event) => { if (event.key === "Enter") turned(); });
    if (panel.says) section.append(element("p", { class: "says", text: panel.says }));
    section.append(query, box);
    main.append(section);
    return { panel, box };
  });
  look();
}

// Panels with bars that fill a row three by three; others are as wide as lines.
function inThirds(panels) {
  const found = new Set();
  let row = [];
  for (const panel of [...panels, null]) {
    if (panel?.kind === "bars") { row.push(panel); continue; }
    if (row.length % 3 === 0) row.forEach((one) => found.add(one));
    row = [];
  }
  return found;
}

function choice(id, options, value) {
  const select = document.getElementById(id);
  select.replaceChildren(...options.map(([one, text]) => element("option", { value: one, text })));
  select.value = value;
  select.onchange = () => {
    location.hash = address(chosen().dashboard.name, {
      datacenter: document.getElementById("datacenter").value,
      range: Number(document.getElementById("range").value),
    });
  };
}

async function look() {
  clearTimeout(timer);
  turn += 1;
  const mine = turn, { datacenter, range } = chosen();
  const to = Date.now() / 1000, step = Math.max(data.scrape, Math.ceil(range / POINTS));
  const rate = Math.max(data.rate, step);
  const span = { from: to - range, to, step };
  const concrete = (expr) => expr.replaceAll("$datacenter", datacenter || ".*")
    .replaceAll("$rate", `${rate}s`);
  await Promise.all([alerts(mine), ...boxes.map(async ({ panel, box }) => {
    try {
      const answers = await Promise.all(panel.queries.map(async (one) => {
        const query = concrete(one.expr);
        const found = panel.kind === "lines"
          ? await ask("query_range", { query, start: span.from, end: to, step })
          : await ask("query", { query, time: to });
        return found.result;
      }));
      if (mine === turn) draw(box, panel, series(panel, answers), span);
    } catch (error) {
      if (mine === turn) box.replaceChildren(element("p", { class: "wrong", text: String(error.message) }));
    }
  })]);
  if (mine !== turn) return;
  document.body.dataset.looks = Number(document.body.dataset.looks ?? 0) + 1;
  timer = setTimeout(() => { if (!document.hidden) look(); }, WAIT_MS);
}

async function alerts(mine) {
  const box = document.getElementById("alerts"), age = document.getElementById("age");
  try {
    const found = (await ask("alerts")).alerts;
    if (mine !== turn) return;
    const line = (one) => element(
      "p", { class: one.state }, element("b", { text: one.labels.alertname }),
      `${one.state === "firing" ? "" : " (not yet long enough)"}: ${one.annotations.summary ?? ""}`,
    );
    found.sort((one, other) => one.state.localeCompare(other.state));
    box.replaceChildren(...(found.length ? found.map(line)
      : [element("p", { class: "calm", text: "No alert fires." })]));
    age.textContent = `as of ${new Date().toLocaleTimeString([], { hour12: false })}`;
  } catch (error) {
    if (mine === turn) {
      box.replaceChildren(element("p", { class: "firing", text: `Prometheus does not answer: ${error.message}` }));
    }
  }
}

addEventListener("hashchange", arrange);
addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(look, 200); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
arrange();

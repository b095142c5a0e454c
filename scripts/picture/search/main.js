// A query and what it finds; and every two seconds how much has come.
import { clock, count, h, keyed, number, s, text } from "./dom.js";

const data = JSON.parse(document.getElementById("data").textContent);
const EVERY_MS = 2000, KEPT_S = 120, WIDE = 240, HIGH = 34;
const by = (id) => document.getElementById(id);
const seen = new Map(); // by sink and index: [{ at, rate }], of the last two minutes
let before = null, turn = 0;

async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok && answer.status !== 400) throw new Error(`status ${answer.status}`);
  return answer.json();
}

// How many were written a second since the last look. A store that began anew counts from 0.
function rates(now) {
  const found = new Map();
  for (const sink of now.sinks) for (const index of sink.indices) {
    const key = `${sink.name} ${index.name}`;
    const was = before?.get(key);
    if (was) found.set(key, Math.max(index.written - was.written, 0) / (now.at - was.at));
  }
  before = new Map(now.sinks.flatMap((sink) => sink.indices.map((index) => (
    [`${sink.name} ${index.name}`, { written: index.written, at: now.at }]))));
  return found;
}

// Of a table, how it is; it counts changes, of which most records are two: HBase's own figures.
const state = ({ regions, size_mb: size }) => (regions === null ? ""
  : `${count(regions, "region")} served · ${number(Math.round(size))} MB`);

function row(item) {
  const figures = { documents: h("td", { class: "number" }), rate: h("td", { class: "number" }) };
  const picture = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
  const said = h("small");
  const made = h("tr", {}, h("td", {}, item.sink.name),
    h("th", { scope: "row" }, item.index.name, said), figures.documents, figures.rate, h("td", {}, picture));
  return Object.assign(made, { figures, picture, said });
}

function shown(line, { index, key, rate, at }) {
  text(line.figures.documents, number(index.documents));
  const unit = index.regions === null ? "" : " changes";
  text(line.figures.rate, rate === undefined ? "–" : `${number(Math.round(rate))}${unit}`);
  text(line.said, state(index));
  line.said.classList.toggle("bad", index.regions === 0);
  const kept = (seen.get(key) ?? []).filter((one) => one.at > at - KEPT_S);
  if (rate !== undefined) kept.push({ at, rate });
  seen.set(key, kept);
  const top = Math.max(...kept.map((one) => one.rate), 1);
  line.picture.setAttribute("aria-label", `at most ${number(Math.round(top))} a second`);
  const points = kept.map((one) => [
    WIDE * (1 - (at - one.at) / KEPT_S), HIGH - 2 - (HIGH - 4) * (one.rate / top),
  ].map((value) => value.toFixed(1)).join(" "));
  if (!points.length) return;
  const path = `M${points.join("L")}`, left = points[0].split(" ")[0];
  line.picture.replaceChildren(
    s("path", { class: "area", d: `${path}L${WIDE} ${HIGH}L${left} ${HIGH}Z` }),
    s("path", { class: "edge", d: path }),
  );
}

async function look() {
  try {
    const now = await ask("look"), speeds = rates(now);
    keyed(by("indices"), now.sinks.flatMap((sink) => sink.indices.map((index) => {
      const key = `${sink.name} ${index.name}`;
      return { sink, index, key, rate: speeds.get(key), at: now.at };
    })), (one) => one.key, row, shown);
    const wrong = now.sinks.filter((one) => one.problem).map((one) => `${one.name}: ${one.problem}`);
    const empty = now.sinks.filter((one) => !one.problem && !one.indices.length);
    const said = [...wrong, ...empty.map((one) => `${one.name}: no record of its topics has come yet`)];
    by("problems").hidden = !said.length;
    by("problems").classList.toggle("bad", wrong.length > 0); // nothing yet is nothing wrong
    text(by("problems"), said.join(" · "));
    text(by("age"), clock(now.at));
  } catch (error) {
    text(by("age"), `no answer: ${error.message}`);
  }
  setTimeout(look, EVERY_MS);
}

const value = (one) => (typeof one === "string" ? one : JSON.stringify(one));

function hit(one) {
  return h("li", {}, h("p", { class: "name" }, h("b", {}, one.index), ` ${one.id}`),
    h("dl", {}, ...Object.entries(one.document).map(([name, field]) => (
      h("div", {}, h("dt", {}, name), h("dd", {}, value(field)))))));
}

async function search() {
  const mine = ++turn;
  const asked = new URLSearchParams(new FormData(by("form")));
  let found;
  try {
    found = await ask(`search?${asked}`);
  } catch (error) {
    found = { problem: `no answer: ${error.message}` };
  }
  if (mine !== turn) return; // another one was asked meanwhile
  by("told").classList.toggle("bad", Boolean(found.problem));
  by("hits").replaceChildren(...(found.hits ?? []).map(hit));
  if (found.total === null) {
    text(by("told"), `${found.hits.length ? `the first ${count(found.hits.length, "row")} from this key on`
      : "no row from this key on"} · ${found.took_ms} ms`);
    return;
  }
  text(by("told"), found.problem ?? [
    `${found.exact ? "" : "more than "}${count(found.total, "document")}`,
    found.total > found.hits.length ? `the first ${found.hits.length} below` : "",
    `${found.took_ms} ms`,
  ].filter(Boolean).join(" · "));
}

// The address holds what is searched for, to go back to, or to hand on.
function remember() {
  const asked = new URLSearchParams(new FormData(by("form")));
  if (location.hash.slice(1) === asked.toString()) search();
  else location.hash = asked.toString();
}

function recall() {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const name of ["query", "sink", "limit"]) {
    const field = by(name);
    if (asked.has(field.name)) field.value = asked.get(field.name);
  }
  asks();
  if (location.hash) search();
}

// Rows are read by their keys and documents searched, so both at once would be no question.
const tables = new Map(data.sinks);
const searched = data.sinks.filter(([, rows]) => !rows);
by("sink").append(...(searched.length ? [h("option", { value: "" }, searched.length < data.sinks.length
  ? "all with documents" : "all")] : []), ...data.sinks.map(([name]) => h("option", { value: name }, name)));

function asks() {
  const rows = tables.get(by("sink").value) ?? false;
  by("words").hidden = rows;
  by("key").hidden = !rows;
  by("query").placeholder = rows ? "the first rows" : "city:Seoul AND age:>30";
}
by("sink").addEventListener("change", asks);
by("form").addEventListener("submit", (event) => { event.preventDefault(); remember(); });
addEventListener("hashchange", recall);
recall();
look();

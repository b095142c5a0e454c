// A datacenter as an island: brokers are columns, partitions rows, groups stand beside them.
import { attribute, bytes, count, h, keyed, number, s, text } from "./dom.js";
import { chip } from "./chips.js";
import { behind, replica } from "./store.js";

export const ROWS = 150; // of an island; where there are more, topics are folded
const GROUPS = 3; // beside a topic, where there is room for so many
const ROOM = 1500; // pixels of a window, below which there is none
const LONGEST = 18; // letters of a group's name, in two lines
const OWN = "Kafka's own topics";
const BINS = 40; // of a heat strip
const WORDS = {
  leader: "leader", follower: "follower, in sync", out: "out of sync", gone: "offline, its broker is gone",
  "": "no replica",
};
const opened = new Map(); // what a reader folded or unfolded, by datacenter/topic

export function island(change) {
  return h("section", { class: "island" },
    h("header", {},
      h("h2"), h("span", { class: "silent" }), h("div", { class: "keepers" })),
    h("div", { class: "scroll" }, table()),
    h("ul", { class: "members" }), change);
}

function table() {
  return h("table", { class: "grid" },
    h("caption", { class: "unseen" }),
    h("thead", {}, h("tr")));
}

export function drawIsland(element, here, rates, redraw) {
  attribute(element, "class", `island hue${here.hue}${here.answers ? "" : " mute"}`);
  attribute(element, "aria-label", `Datacenter ${here.name}`);
  const [heading, silent, keepers] = element.querySelector("header").children;
  text(heading, here.name);
  text(silent, here.answers ? "" : "✗ no broker answers");
  keyed(keepers, ["ensemble", "quorum"].filter((of) => here.servers.some((one) => one.of === of)), (of) => of,
    (of) => h("ol", { class: `servers ${of}`, "aria-label": of === "quorum" ? "Quorum" : "Ensemble" }),
    (list, of) => drawServers(list, here.servers.filter((one) => one.of === of)));
  const rows = here.topics.reduce((sum, one) => sum + (one.internal ? 0 : one.partitions.length), 0);
  const topics = shown(here).map((topic) => ({
    ...topic,
    open: opened.get(`${here.name}/${topic.name}`) ?? (!topic.internal && rows <= ROWS),
    // The most that one of its logs holds, for the bars in all of them.
    fullest: Math.max(1, ...(topic.log?.ends ?? []).map((one, index) => one - (topic.log.starts[index] ?? 0))),
    // Who is there comes first: of those who left, offsets stay for a week.
    groups: here.groups.filter((one) => one.lags.has(topic.name) || has(one, topic.name))
      .sort((a, b) => !a.members.length - !b.members.length),
    rates: rates.get(`${here.name}/${topic.name}`),
  }));
  const columns = Math.min(Math.max(0, ...topics.map((one) => one.groups.length)),
    innerWidth < ROOM ? GROUPS - 1 : GROUPS);
  drawTable(element.querySelector("table"), here, topics, columns, redraw);
  drawMembers(element.querySelector(".members"), here.groups);
}

// Topics that nobody made by hand are one, as long as a reader does not open it.
function shown(here) {
  const own = here.topics.filter((one) => one.internal);
  if (own.length < 2) return here.topics;
  const all = { name: OWN, internal: true, all: own.length, log: null, behind: [], origin: "",
    partitions: own.flatMap((one) => one.partitions) };
  return [...here.topics.filter((one) => !one.internal), all, ...(opened.get(`${here.name}/${OWN}`) ? own : [])];
}

const has = (group, topic) => group.members.some(
  (member) => member.partitions.some(([name]) => name === topic),
);

// An ensemble's leader is one of its servers; that of a quorum is the cluster's controller.
function drawServers(list, servers) {
  keyed(list, servers, (one) => one.number, () => h("li", {}, h("i"), h("span", { class: "unseen" })),
    (item, one) => {
      const leads = one.state === "leader" || one.state === "standalone";
      const crown = leads && one.of === "quorum";
      const name = one.label.replace(/^\D*0*/, "");
      attribute(item, "class", leads ? "leads" : one.state === "down" ? "down" : "");
      attribute(item, "title", `${one.host}: ${one.state}`);
      text(item.firstChild, one.state === "down" ? "✗" : crown ? `${name} ♛` : name);
      text(item.lastChild, `${one.label}: ${one.state}${crown ? ", the controller" : ""}`);
    });
}

function drawTable(grid, here, topics, columns, redraw) {
  text(grid.caption, `Partitions of ${here.name} by broker`);
  const head = grid.tHead.rows[0];
  keyed(head, [{ id: "corner" }, ...here.brokers, ...(columns ? [{ id: "groups" }] : [])],
    (one) => one.id,
    (one) => (one.id === "corner" ? h("th", { scope: "col", class: "corner" },
      h("span", { class: "unseen" }, "Partition"))
      : one.id === "groups" ? h("th", { scope: "col", class: "consumers" }, "consumers") : brokerHead()),
    (cell, one) => {
      if (one.id === "groups") {
        attribute(cell, "colspan", columns);
        cell.style.setProperty("--columns", columns);
      }
      else if (one.id !== "corner") drawBroker(cell, one);
    });
  keyed(grid, [{ name: "" }, ...topics], (one) => one.name,
    (one) => (one.name === "" ? grid.tHead : h("tbody", {}, topicHead(here, one, redraw))),
    (body, topic) => topic.name && drawTopic(body, here, topic, columns));
}

function brokerHead() {
  return h("th", { scope: "col" }, h("details", { class: "host" },
    h("summary", {}, h("b"), h("span", { class: "crown" }), h("span", { class: "state" })),
    h("div", {}, h("p"), h("dl"), h("code"), h("code"))));
}

const KNOWN = (value) => value !== null && value !== undefined;

// What a broker has of heap and disk, as name, words, and how full it is (0 to 1).
function roomOf(broker) {
  const { heap, heap_most: most, logs, free, disk } = broker.room ?? {};
  return [
    ...(KNOWN(heap) && most ? [["heap", `${bytes(heap, 1024)} of ${bytes(most, 1024)}`, heap / most]] : []),
    ...(KNOWN(logs) ? [["logs", bytes(logs), null]] : []),
    ...(KNOWN(free) && disk ? [["disk", `${bytes(free)} of ${bytes(disk)} free`, 1 - free / disk]] : []),
  ];
}

function drawRoom(list, broker) {
  const found = broker.alive ? roomOf(broker) : [];
  list.hidden = !found.length;
  keyed(list, found, ([what]) => what, ([what]) => h("div", {}, h("dt", {}, what), h("dd"), h("i", { "aria-hidden": "true" }, h("u"))),
    (row, [, words, full]) => {
      text(row.children[1], words);
      row.children[2].hidden = full === null;
      const width = `${Math.round((full ?? 0) * 100)}%`;
      const bar = row.children[2].firstChild;
      if (bar.style.width !== width) bar.style.width = width;
    });
}

function drawBroker(cell, broker) {
  attribute(cell, "class", broker.alive ? "broker" : "broker gone");
  const [summary, more] = cell.firstChild.children;
  const [label, crown, state] = summary.children;
  text(label, broker.label);
  attribute(crown, "title", broker.controller ? "the controller" : "");
  text(crown, broker.controller ? " ♛" : "");
  attribute(crown, "aria-label", broker.controller ? "controller" : "");
  text(state, broker.alive ? "" : " ✗");
  attribute(state, "title", broker.alive ? "" : "gone");
  attribute(state, "aria-label", broker.alive ? "" : "gone");
  text(more.children[0], `${broker.host}, broker ${broker.id}`);
  drawRoom(more.children[1], broker);
  text(more.children[2], `fab ssh ${broker.host}`);
  text(more.children[3], `fab logs ${broker.host} kafka`);
}

function topicHead(here, topic, redraw) {
  const toggle = h("button", { type: "button", onclick: () => {
    const open = toggle.getAttribute("aria-expanded") === "true";
    opened.set(`${here.name}/${topic.name}`, !open);
    redraw();
  } }, h("i", { "aria-hidden": "true" }), h("b"));
  return h("tr", { class: "topic" }, h("th", { scope: "rowgroup" }, h("div", {}, toggle,
    h("span", { class: "origin" }), h("span", { class: "note" }), h("span", { class: "spark" }))));
}

function drawTopic(body, here, topic, columns) {
  attribute(body, "class", topic.internal ? "internal" : "");
  const head = body.firstChild;
  const cell = head.firstChild;
  attribute(cell, "colspan", here.brokers.length + 1);
  const [toggle, origin, note, spark] = cell.firstChild.children;
  attribute(toggle, "aria-expanded", topic.open);
  text(toggle.firstChild, topic.open ? "▾" : "▸");
  text(toggle.lastChild, topic.name);
  text(origin, topic.origin ? `copy of ${topic.origin}` : "");
  const last = topic.rates?.slice(-3);
  const rate = last ? last.reduce((sum, one) => sum + one, 0) / last.length : 0;
  text(note, (topic.all ? `${count(topic.all, "topic")}, ` : "") + count(topic.partitions.length, "partition") + (rate >= 0.5 ? ` · ${number(Math.round(rate))} rec/s` : ""));
  drawSpark(spark, topic.rates);
  const beside = groupCells(topic.groups, columns);
  keyed(head, [{ name: "topic" }, ...beside], (one) => one.name,
    (one) => (one.name === "topic" ? cell : h("td", { class: "group" }, h("b"), h("span", { class: "bench" }))),
    (place, one) => one.group !== undefined && drawGroup(place, one));
  const rows = topic.open && topic.all ? [] : topic.open ? topic.partitions.map((one) => ({ key: one.number, one }))
    : [{ key: "folded", one: null }];
  keyed(body, [{ key: "head" }, ...rows], (row) => row.key,
    (row) => (row.key === "head" ? head : h("tr", { class: row.one ? "partition" : "folded" }, h("th", { scope: "row" }))),
    (line, row) => {
      if (row.key === "head") return;
      if (row.one) drawPartition(line, here, topic, row.one, beside);
      else drawFolded(line, here, topic, beside);
    });
}

// A cell for each column of groups, empty where this topic has fewer than others.
function groupCells(groups, columns) {
  const cells = [];
  for (let index = 0; index < columns; index += 1) {
    const group = groups[index] ?? null;
    const more = index === columns - 1 ? groups.length - columns : 0;
    cells.push({ name: group ? `group ${group.name}` : `none ${index}`, group, more: Math.max(more, 0) });
  }
  return cells;
}

const UNREST = { "preparing rebalance": "rebalancing", "completing rebalance": "rebalancing",
  assigning: "rebalancing", reconciling: "rebalancing" };

function drawGroup(place, { group, more }) {
  const [name, bench] = place.children;
  text(name, group ? brief(group.name) + (more ? ` +${more}` : "") : "");
  const state = group ? UNREST[group.state] ?? (group.state === "stable" ? "" : group.state) : "";
  attribute(place, "class", state === "rebalancing" ? "group restless" : "group");
  attribute(place, "title", group ? `${group.name}: ${group.state}, ${count(group.members.length, "member")}` : "");
  const idle = group ? group.members.filter((one) => !one.partitions.length) : [];
  keyed(bench, [...idle.map((one) => ({ key: one.id, one })), ...(state ? [{ key: "state", state }] : [])],
    (item) => item.key, (item) => (item.one ? chip(`${group.datacenter}/${group.name}/${item.one.id}/0`)
      : h("em")),
    (item, { one }) => {
      if (one) label(item, one);
      else text(item, state === "rebalancing" && idle.length ? "⟳" : state);
    });
}

// What is alike in names is at their beginning, most of the time. The lab's own all begin alike.
function brief(name) {
  const said = name.replace(/^kafkalab-/, "");
  return said.length > LONGEST ? `${said.slice(0, 7)}…${said.slice(8 - LONGEST)}` : said;
}

function label(element, member) {
  text(element, member.label);
  attribute(element, "title", `${member.client} on ${member.host}`);
}

function drawPartition(line, here, topic, partition, beside) {
  const { number: at } = partition;
  attribute(line, "class", partition.leader === null ? "partition offline" : "partition");
  const cells = [{ key: "name" }, ...here.brokers.map((one) => ({ key: one.id, broker: one.id })),
    ...beside.map((one) => ({ key: one.name, group: one.group, beside: true }))];
  const start = topic.log?.starts[at] ?? null, end = topic.log?.ends[at] ?? null;
  keyed(line, cells, (one) => one.key,
    (one) => (one.key === "name" ? line.firstChild : one.beside ? h("td", { class: "taken" },
      h("span", { class: "seat" }), h("span", { class: "lag" }))
      : h("td", {}, h("div", {}, h("span", { class: "unseen" }), h("span"), h("u")))),
    (cell, one) => {
      if (one.key === "name") text(cell, partition.leader === null ? `✗ ${at}` : String(at));
      else if (one.beside) drawSeat(cell, one.group, topic.name, at);
      else drawReplica(cell.firstChild, replica(partition, one.broker, here.alive),
        { start, end, fullest: topic.fullest, late: behind(topic, partition, one.broker) });
    });
}

function drawReplica(box, kind, { start, end, fullest, late }) {
  attribute(box, "class", `replica ${kind || "none"}`);
  const follows = kind === "follower" || kind === "out";
  text(box.children[0], WORDS[kind] + (kind === "leader" && end !== null ? ", next offset "
    : follows && late ? `, ${count(late, "record")} behind its leader` : ""));
  text(box.children[1], kind === "leader" ? (end === null ? "" : number(end))
    : kind === "gone" ? "✗" : follows && late ? `−${number(late)}` : kind === "out" ? "out" : "");
  attribute(box.children[1], "aria-hidden", kind !== "leader");
  attribute(box, "title", follows && late ? `${count(late, "record")} behind its leader` : "");
  const share = kind === "leader" && end !== null ? (end - (start ?? 0)) / fullest : 0;
  const width = `${Math.round(share * 100)}%`;
  if (box.children[2].style.width !== width) box.children[2].style.width = width;
}

function drawSeat(cell, group, topic, at) {
  const [seat, lag] = cell.children;
  const members = !group ? [] : group.members.flatMap((one) => {
    const mine = one.partitions.findIndex(([name, number]) => name === topic && number === at);
    return mine < 0 ? [] : [{ one, mine }];
  });
  keyed(seat, members, ({ one, mine }) => `${one.id}/${mine}`,
    ({ one, mine }) => chip(`${group.datacenter}/${group.name}/${one.id}/${mine}`),
    (item, { one }) => label(item, one));
  const records = group?.lags.get(topic)?.[at];
  text(lag, !group ? "" : records === null || records === undefined ? "–" : number(records));
  attribute(lag, "class", records > 0 ? "lag some" : "lag");
  attribute(lag, "title", group ? `${group.name} has ${records ?? "no offset"} to read` : "");
}

function drawFolded(line, here, topic, beside) {
  text(line.firstChild, "");
  const cells = [{ key: "name" }, ...here.brokers.map((one) => ({ key: one.id, broker: one.id })),
    ...beside.map((one) => ({ key: one.name, group: one.group, beside: true }))];
  keyed(line, cells, (one) => one.key,
    (one) => (one.key === "name" ? line.firstChild : one.beside ? h("td", { class: "taken" })
      : h("td", {}, h("div", { class: "strip" }))),
    (cell, one) => {
      if (one.key === "name") return;
      if (!one.beside) drawStrip(cell.firstChild, here, topic, one.broker);
      else {
        const sum = one.group?.lags.get(topic.name)?.reduce((all, lag) => all + (lag ?? 0), 0);
        text(cell, one.group ? number(sum ?? null) : "");
      }
    });
}

// Of each stretch of partitions how many this broker leads, follows, is behind in, and has lost.
function drawStrip(box, here, topic, broker) {
  const kinds = topic.partitions.map((one) => replica(one, broker, here.alive));
  const said = kinds.map((kind) => kind[0] ?? "-").join("");
  if (box.said === said) return;
  box.said = said;
  const tally = (some) => Object.fromEntries(["leader", "follower", "out", "gone"].map(
    (kind) => [kind, some.filter((one) => one === kind).length],
  ));
  const bins = Math.min(BINS, kinds.length) || 1;
  const wide = 100 / bins;
  const paths = { leader: "", follower: "", out: "", gone: "" };
  for (let bin = 0; bin < bins; bin += 1) {
    const some = kinds.slice(Math.floor(bin * kinds.length / bins), Math.floor((bin + 1) * kinds.length / bins));
    let base = 20;
    for (const [kind, found] of Object.entries(tally(some))) {
      const height = 20 * found / some.length;
      if (!found) continue;
      base -= height;
      paths[kind] += `M${(wide * (bin + 0.08)).toFixed(2)} ${base.toFixed(2)}h${(wide * 0.84).toFixed(2)}`
        + `v${height.toFixed(2)}h${(wide * -0.84).toFixed(2)}z`;
    }
  }
  const all = tally(kinds);
  const words = `leads ${all.leader}, follows ${all.follower}`
    + (all.out ? `, ${all.out} out of sync` : "") + (all.gone ? `, ${all.gone} offline` : "");
  box.replaceChildren(
    s("svg", { viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true" },
      ...Object.entries(paths).map(([kind, d]) => s("path", { class: kind, d }))),
    h("span", { class: "unseen" }, words),
    h("span", { class: "leads", "aria-hidden": "true" }, all.gone ? "✗" : number(all.leader)));
  box.title = words;
}

function drawSpark(place, rates) {
  const most = Math.max(...(rates ?? [0]));
  place.hidden = !(most >= 1);
  if (place.hidden) return;
  if (!place.firstChild) {
    place.append(s("svg", { viewBox: "0 0 60 16", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("path", { class: "under" }), s("path", { class: "over" })));
  }
  const step = 60 / (rates.length - 1);
  const line = rates.map((one, index) => `${(index * step).toFixed(1)} ${(15 - 13 * one / most).toFixed(1)}`).join("L");
  place.firstChild.children[0].setAttribute("d", `M0 16L${line}L60 16z`);
  place.firstChild.children[1].setAttribute("d", `M${line}`);
}

function drawMembers(list, groups) {
  list.hidden = !groups.length;
  keyed(list, groups, (one) => one.name, () => h("li", {}, h("b"), h("span"), h("span", { class: "who" })),
    (item, group) => {
      const [name, state, who] = item.children;
      text(name, group.name);
      text(state, `${group.generation === null ? "" : `generation ${group.generation}, `}${group.state}`);
      text(who, group.members.map((one) => `${one.label} = ${one.client}@${one.host.replace(/^\//, "")}`).join("  "));
    });
}

// The last minutes of a lab and a place in them: what is there is as it was at that moment.

const SLACK = 30; // seconds
const BEFORE = 1; // seconds, of a failure

const name = (key) => JSON.stringify(key);

export class Store {
  constructor(history) {
    this.reset(history);
  }

  // `history`: where it begins, and the moments that lead from there to its end.
  reset({ base, id, moments = [], seconds = this.seconds }) {
    this.id = id;
    this.seconds = seconds;
    this.things = new Map();
    for (const [key, one] of base.things) this.things.set(name(key), { kind: key[0], ...one });
    this.began = base.at;
    this.moments = moments.map(kept);
    this.cursor = 0; // it goes where it is looked at once somebody looks
  }

  // One more moment. Whoever looks at the newest goes on to it.
  push(moment) {
    const live = this.cursor === this.moments.length;
    this.id = moment.id;
    this.moments.push(kept(moment));
    if (live) this.step(1);
    while (this.moments.length > 1 && this.ended - this.moments[0].at > this.seconds + SLACK) {
      if (this.cursor === 0) this.step(1);
      this.began = this.moments.shift().at;
      this.cursor -= 1;
    }
  }

  get ended() {
    return this.moments.length ? this.moments.at(-1).at : this.began;
  }

  // Where to begin of what is over: a moment before the first failure, or else at the beginning.
  get opening() {
    const failed = this.moments.find(({ lines }) => lines.some((line) => line.tone === "bad"));
    return failed ? Math.max(failed.at - BEFORE, this.began) : this.began;
  }

  get now() {
    return this.cursor ? this.moments[this.cursor - 1].at : this.began;
  }

  // Go to the last moment that is not later than `at`.
  seek(at) {
    while (this.cursor < this.moments.length && this.moments[this.cursor].at <= at) this.step(1);
    while (this.cursor > 0 && this.moments[this.cursor - 1].at > at) this.step(-1);
  }

  step(way) {
    const moment = this.moments[way > 0 ? this.cursor : this.cursor - 1];
    const undo = way > 0 ? [] : null;
    for (const [key, now] of way > 0 ? moment.changes : moment.undo) {
      const at = name(key);
      undo?.push([key, this.things.get(at) ?? null]);
      if (now) this.things.set(at, { kind: key[0], ...now });
      else this.things.delete(at);
    }
    if (undo) moment.undo = undo;
    this.cursor += way;
  }

  // What was told up to this moment, the newest first; of one moment in the order of causes.
  lines(most, until = this.cursor) {
    const found = [];
    for (let index = until - 1; index >= 0 && found.length < most; index -= 1) {
      const { at, lines } = this.moments[index];
      for (let one = 0; one < lines.length && found.length < most; one += 1) {
        found.push({ at, key: `${this.moments[index].id}/${one}`, ...lines[one] });
      }
    }
    return found;
  }

  // Records a second of each topic in each of the last `count` seconds, by datacenter/topic.
  rates(count) {
    const now = Math.max(this.now, 0);
    const found = new Map();
    for (let index = this.cursor - 1; index >= 0; index -= 1) {
      const { at, totals: sums } = this.moments[index];
      for (const [topic, sum] of sums) {
        if (!found.has(topic)) found.set(topic, []);
        const points = found.get(topic);
        points.push([at, sum]);
      }
      if (at < now - count) break;
    }
    const rates = new Map();
    for (const [topic, points] of found) rates.set(topic, binned(points.reverse(), now, count));
    return rates;
  }
}

const kept = (moment) => ({ ...moment, totals: totals(moment), undo: null });

// How many records each topic of a moment has had, by datacenter/topic.
function totals({ changes }) {
  const found = new Map();
  for (const [[kind, datacenter, topic], now] of changes) {
    if (kind !== "log" || !now) continue;
    found.set(`${datacenter}/${topic}`, now.ends.reduce((sum, end) => sum + (end ?? 0), 0));
  }
  return found;
}

// Points of (time, total) as records a second, in bins of one second that end now.
function binned(points, now, count) {
  const at = (time) => {
    let before = points[0];
    for (const point of points) {
      if (point[0] > time) {
        const span = point[0] - before[0];
        const part = span > 0 ? Math.max(time - before[0], 0) / span : 1;
        return before[1] + (point[1] - before[1]) * part;
      }
      before = point;
    }
    return before[1];
  };
  const edges = Array.from({ length: count + 1 }, (_, index) => at(now - count + index));
  return edges.slice(1).map((total, index) => Math.max(total - edges[index], 0));
}

// What is there, in the order in which it is drawn: datacenters with all that is theirs.
export function arrange(things) {
  const datacenters = new Map();
  const rest = [];
  const mirrors = new Map();
  for (const one of things.values()) {
    if (one.kind === "datacenter") {
      datacenters.set(one.name, {
        ...one, brokers: [], servers: [], topics: new Map(), groups: new Map(),
      });
    } else if (one.kind === "mirror") mirrors.set(one.name, { ...one, flow: null });
    else rest.push(one);
  }
  for (const one of rest) {
    const here = datacenters.get(one.datacenter);
    if (one.kind === "broker") here?.brokers.push({ ...one, room: things.get(name(["room", one.datacenter, one.id])) });
    else if (one.kind === "server") here?.servers.push(one);
    else if (one.kind === "topic") here?.topics.set(one.name, { ...one, partitions: [], log: null, behind: [] });
    else if (one.kind === "group") here?.groups.set(one.name, { ...one, lags: new Map() });
  }
  for (const one of rest) {
    const here = datacenters.get(one.datacenter);
    if (one.kind === "partition") here?.topics.get(one.topic)?.partitions.push(one);
    else if (one.kind === "log" && here?.topics.has(one.topic)) here.topics.get(one.topic).log = one;
    else if (one.kind === "behind" && here?.topics.has(one.topic)) here.topics.get(one.topic).behind = one.records;
    else if (one.kind === "lag") here?.groups.get(one.group)?.lags.set(one.topic, one.records);
    else if (one.kind === "flow" && mirrors.has(one.name)) mirrors.get(one.name).flow = one;
  }
  const sorted = [...datacenters.values()].sort((a, b) => a.place - b.place);
  for (const [index, one] of sorted.entries()) {
    one.hue = index % 4;
    one.brokers.sort((a, b) => a.id - b.id);
    one.servers.sort((a, b) => a.number - b.number);
    one.topics = [...one.topics.values()].sort(
      (a, b) => a.internal - b.internal || (a.name < b.name ? -1 : 1),
    );
    for (const topic of one.topics) topic.partitions.sort((a, b) => a.number - b.number);
    one.groups = [...one.groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    one.alive = new Set(one.brokers.filter((broker) => broker.alive).map((broker) => broker.id));
  }
  for (const one of mirrors.values()) {
    one.read = [...datacenters.get(one.source)?.groups.values() ?? []].some((group) => group.members.length);
  }
  return { datacenters: sorted, mirrors: [...mirrors.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

// What a replica of a partition is on a broker: "leader", "follower", "out" of sync, "gone", or "".
export function replica(partition, broker, alive) {
  if (!partition.replicas.includes(broker)) return "";
  if (!alive.has(broker)) return "gone";
  if (partition.leader === broker) return "leader";
  return partition.isr.includes(broker) ? "follower" : "out";
}

// By how many records a broker's replica of a partition is behind; null where nobody knows.
export function behind(topic, partition, broker) {
  return topic.behind[partition.number]?.[partition.replicas.indexOf(broker)] ?? null;
}

// What is wrong, in words; nothing where all is well.
export function wrong({ datacenters, mirrors }) {
  const found = [];
  const count = (number, one, many) => number && found.push(`${number} ${number === 1 ? one : many}`);
  const silent = datacenters.filter((one) => !one.answers);
  if (silent.length) found.push(`${silent.map((one) => one.name).join(", ")} does not answer`);
  let gone = 0, servers = 0, controllers = 0, offline = 0, short = 0;
  for (const one of datacenters) {
    if (one.answers) gone += one.brokers.length - one.alive.size;
    const down = one.servers.filter((server) => server.state === "down");
    servers += down.filter((server) => server.of === "ensemble").length;
    controllers += down.filter((server) => server.of === "quorum").length;
    for (const topic of one.topics) {
      for (const { leader, isr, replicas } of topic.partitions) {
        if (leader === null) offline += 1;
        else if (isr.length < replicas.length) short += 1;
      }
    }
  }
  count(gone, "broker gone", "brokers gone");
  count(servers, "ensemble server gone", "ensemble servers gone");
  count(controllers, "controller gone", "controllers gone");
  count(offline, "partition offline", "partitions offline");
  count(short, "partition short of replicas", "partitions short of replicas");
  count(mirrors.filter((one) => one.problem).length, "mirror stands", "mirrors stand");
  return found;
}

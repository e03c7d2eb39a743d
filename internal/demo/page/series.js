// Turns received metrics into series for the plots: one value or three for each of
// the last seconds. This module does not use the page.

// The number of seconds in a series, and the number of series of each kind. A new
// series replaces the one that has not received a metric for longest.
export const SECONDS = 120;
export const MAX_SERIES = 5;

// Percentiles and set sizes cover the last FLUSH_SECONDS seconds, which is StatsD's
// default flush interval.
const FLUSH_SECONDS = 10;

// The maximum number of timings that are kept for a second, and of members of a
// set. Of more timings a random sample is kept. More members are not counted.
const MAX_TIMINGS = 500;
const MAX_MEMBERS = 10000;

const KINDS = { __proto__: null, c: 'count', g: 'gauge', ms: 'timing', h: 'timing', d: 'timing', s: 'set' };

// parse parses a StatsD line. Tags can have any of the three formats, and become
// part of the series' name. parse returns null for an invalid line.
//
//   name,env=prod:5|c|@0.5     name:5|c|@0.5|#env:prod
export function parse(line) {
  const colon = line.indexOf(':');
  const bar = line.indexOf('|', colon + 1);
  const end = line.indexOf('|', bar + 1);
  const kind = KINDS[end < 0 ? line.slice(bar + 1) : line.slice(bar + 1, end)];
  if (colon < 1 || bar <= colon + 1 || !kind) {
    return null;
  }
  const text = line.slice(colon + 1, bar);
  const metric = { series: line.slice(0, colon), kind, text, value: Number(text), rate: 1 };
  if (kind !== 'set' && Number.isNaN(metric.value)) {
    return null;
  }
  for (const part of end < 0 ? [] : line.slice(end + 1).split('|')) {
    if (part.startsWith('@')) {
      metric.rate = Number(part.slice(1)) || 1;
    } else if (part.startsWith('#')) {
      metric.series += ` ${part}`;
    }
  }
  return metric;
}

// Each of these classes collects the metrics of a series. tick is called once a
// second and returns the values to draw.

class Count {
  static lines = ['per s'];
  total = 0;
  sum = 0;

  add({ value, rate }) {
    this.sum += value / rate;
  }

  tick() {
    const { sum } = this;
    this.total += sum;
    this.sum = 0;
    return [sum];
  }
}

class Gauge {
  static lines = ['value'];
  value = 0;

  // A value with a sign changes the gauge.
  add({ text, value }) {
    this.value = /^[+-]/.test(text) ? this.value + value : value;
  }

  tick() {
    return [this.value];
  }
}

class Timing {
  static lines = ['p50', 'p95', 'p99'];
  seconds = [];
  values = [];
  seen = 0;

  add({ value }) {
    this.seen++;
    if (this.values.length < MAX_TIMINGS) {
      this.values.push(value);
      return;
    }
    const at = Math.floor(Math.random() * this.seen);
    if (at < MAX_TIMINGS) {
      this.values[at] = value;
    }
  }

  tick() {
    this.seconds.push(this.values);
    if (this.seconds.length > FLUSH_SECONDS) {
      this.seconds.shift();
    }
    this.values = [];
    this.seen = 0;
    const sorted = Float64Array.from(this.seconds.flat()).sort();
    // Percentiles by the nearest-rank method.
    return [0.5, 0.95, 0.99].map((part) => sorted[Math.ceil(part * sorted.length) - 1] ?? null);
  }
}

class Members {
  static lines = ['size'];
  lastSeen = new Map(); // the second in which each member was last seen
  second = 0;

  add({ text }) {
    if (this.lastSeen.size < MAX_MEMBERS || this.lastSeen.has(text)) {
      this.lastSeen.set(text, this.second);
    }
  }

  tick() {
    this.second++;
    for (const [text, second] of this.lastSeen) {
      if (this.second - second > FLUSH_SECONDS) {
        this.lastSeen.delete(text);
      }
    }
    return [this.lastSeen.size];
  }
}

const AGGREGATES = { count: Count, gauge: Gauge, timing: Timing, set: Members };

// Kind has the series of one kind. A series stays in its slot, and so keeps its
// color.
class Kind {
  slots = Array(MAX_SERIES).fill(null);
  byName = new Map();
  replacements = MAX_SERIES; // allowed in this second, so that a flood of new names costs little
  uses = 0;

  constructor(Aggregate) {
    this.Aggregate = Aggregate;
  }

  add(metric) {
    const series = this.byName.get(metric.series) ?? this.addSeries(metric.series);
    if (series) {
      series.lastUse = ++this.uses;
      series.aggregate.add(metric);
    }
  }

  addSeries(name) {
    let slot = this.slots.indexOf(null);
    if (slot < 0) {
      if (this.replacements === 0) {
        return null;
      }
      this.replacements--;
      slot = 0;
      this.slots.forEach((series, at) => {
        if (series.lastUse < this.slots[slot].lastUse) {
          slot = at;
        }
      });
      this.byName.delete(this.slots[slot].name);
    }
    const series = {
      name,
      aggregate: new this.Aggregate(),
      points: this.Aggregate.lines.map(() => Array(SECONDS).fill(null)),
      lastUse: 0,
    };
    this.slots[slot] = series;
    this.byName.set(name, series);
    return series;
  }

  tick() {
    this.replacements = MAX_SERIES;
    for (const { aggregate, points } of this.byName.values()) {
      aggregate.tick().forEach((value, line) => {
        points[line].push(value);
        points[line].shift();
      });
    }
  }
}

// Board has the series of all kinds.
export class Board {
  // kinds maps the name of a kind to its Kind. A slot of a Kind is null or a series
  // with its name, its aggregate and its points, oldest first.
  kinds = Object.fromEntries(Object.entries(AGGREGATES).map(([kind, Aggregate]) => [kind, new Kind(Aggregate)]));

  // now is the time in seconds, as everywhere in this module.
  constructor(now) {
    this.second = Math.floor(now);
  }

  add(metric) {
    this.kinds[metric.kind].add(metric);
  }

  // advance ends the seconds before now, and reports whether there are any.
  advance(now) {
    const passed = Math.floor(now) - this.second;
    if (passed === 0) {
      return false;
    }
    this.second += passed; // negative if the clock was set back
    for (let i = 0; i < Math.min(passed, SECONDS); i++) {
      Object.values(this.kinds).forEach((kind) => kind.tick());
    }
    return true;
  }
}

// lineNames returns the names of the lines of a kind's series.
export function lineNames(kind) {
  return AGGREGATES[kind].lines;
}

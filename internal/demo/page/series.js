// What arrives becomes series that can be drawn: one value or three for each of
// the last seconds. Nothing here knows of the page.

// How many seconds a series goes back, and how many series of a kind there are.
// A new name takes the place of the one that has been silent for longest.
export const SECONDS = 120;
export const MOST = 5;

// Percentiles and cardinalities are those of the last WINDOW seconds: as long as
// StatsD gathers values by default.
const WINDOW = 10;

// What a series keeps at most of one second's timings, and of a set. Beyond,
// percentiles are those of a fair sample, and the cardinality stays as it is.
const MOST_TIMINGS = 500;
const MOST_MEMBERS = 10000;

const KINDS = { __proto__: null, c: 'count', g: 'gauge', ms: 'timing', h: 'timing', d: 'timing', s: 'set' };

// parse takes a StatsD line apart, with tags in any of the three forms, which
// stay part of the series' name. It returns null for what is none.
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

// Each of these takes metrics in and returns once a second what is drawn.

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

  // A sign makes it a change.
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
    if (this.values.length < MOST_TIMINGS) {
      this.values.push(value);
      return;
    }
    const at = Math.floor(Math.random() * this.seen);
    if (at < MOST_TIMINGS) {
      this.values[at] = value;
    }
  }

  tick() {
    this.seconds.push(this.values);
    if (this.seconds.length > WINDOW) {
      this.seconds.shift();
    }
    this.values = [];
    this.seen = 0;
    const sorted = Float64Array.from(this.seconds.flat()).sort();
    // The nearest rank.
    return [0.5, 0.95, 0.99].map((part) => sorted[Math.ceil(part * sorted.length) - 1] ?? null);
  }
}

class Members {
  static lines = ['size'];
  last = new Map(); // the second in which a member was seen last
  now = 0;

  add({ text }) {
    if (this.last.size < MOST_MEMBERS || this.last.has(text)) {
      this.last.set(text, this.now);
    }
  }

  tick() {
    this.now++;
    for (const [text, second] of this.last) {
      if (this.now - second > WINDOW) {
        this.last.delete(text);
      }
    }
    return [this.last.size];
  }
}

const HOLDERS = { count: Count, gauge: Gauge, timing: Timing, set: Members };

// Kind holds the series of one kind, each in a slot that stays its own.
class Kind {
  slots = Array(MOST).fill(null);
  byName = new Map();
  takeovers = MOST; // left in this second: names that never come again are cheap
  touches = 0;

  constructor(Holder) {
    this.Holder = Holder;
  }

  add(metric) {
    const series = this.byName.get(metric.series) ?? this.admit(metric.series);
    if (series) {
      series.touched = ++this.touches;
      series.holder.add(metric);
    }
  }

  admit(name) {
    let slot = this.slots.indexOf(null);
    if (slot < 0) {
      if (this.takeovers === 0) {
        return null;
      }
      this.takeovers--;
      slot = 0;
      this.slots.forEach((series, at) => {
        if (series.touched < this.slots[slot].touched) {
          slot = at;
        }
      });
      this.byName.delete(this.slots[slot].name);
    }
    const series = {
      name,
      holder: new this.Holder(),
      points: this.Holder.lines.map(() => Array(SECONDS).fill(null)),
      touched: 0,
    };
    this.slots[slot] = series;
    this.byName.set(name, series);
    return series;
  }

  tick() {
    this.takeovers = MOST;
    for (const { holder, points } of this.byName.values()) {
      holder.tick().forEach((value, line) => {
        points[line].push(value);
        points[line].shift();
      });
    }
  }
}

// Board holds the series of all kinds.
export class Board {
  // kinds has for each kind its slots, each null or a series with its name, its
  // holder and its points, oldest first.
  kinds = Object.fromEntries(Object.entries(HOLDERS).map(([kind, Holder]) => [kind, new Kind(Holder)]));

  // now is in seconds, as is every time here.
  constructor(now) {
    this.second = Math.floor(now);
  }

  add(metric) {
    this.kinds[metric.kind].add(metric);
  }

  // advance ends the seconds that are over. It returns whether there are any.
  advance(now) {
    const over = Math.floor(now) - this.second;
    if (over === 0) {
      return false;
    }
    this.second += over; // less than 0 where a clock was set back
    for (let i = 0; i < Math.min(over, SECONDS); i++) {
      Object.values(this.kinds).forEach((kind) => kind.tick());
    }
    return true;
  }
}

// lineNames returns what the points of a kind's series are.
export function lineNames(kind) {
  return HOLDERS[kind].lines;
}

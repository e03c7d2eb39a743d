/**
 * A StatsD client for pages and for Node.js. It sends through
 * statsd-http-proxy, to which it POSTs StatsD lines in batches.
 *
 * A call becomes a line (line.ts), which waits in a queue until it is sent
 * (sender.ts).
 */

import { lineOf, type Tags, type Type } from './line.js';
import { newSender, type Options as SenderOptions, type Sender } from './sender.js';

export type { Tags } from './line.js';
export type { StatsDError } from './sender.js';

/** What a client is made of. */
export interface Options extends SenderOptions {
  /** Put before each name, as it is. */
  prefix?: string;
  /** Tags of every metric; a metric's own tag of the same key wins. */
  tags?: Tags;
  /** The fraction of counts, timings, histograms and distributions that is sent: from 0.0001 to 1, the default. */
  sampleRate?: number;
}

/** What a child has of its own. */
export interface ChildOptions {
  /** Put behind the prefix of its parent. */
  prefix?: string;
  /** Tags besides those of its parent; one of the same key wins. */
  tags?: Tags;
}

/**
 * StatsD sends metrics. No method but time, which hands on what its function
 * throws, ever throws: what is wrong with a call is told to onError.
 */
export class StatsD {
  private _sender: Sender;
  private _prefix: string;
  private _tags?: Tags;
  private _rate: number;

  constructor({ prefix = '', tags, sampleRate = 1, ...options } = {} as Options) {
    this._sender = newSender(options);
    this._prefix = prefix;
    this._tags = tags;
    this._rate = sampleRate;
  }

  /** Adds to a counter, 1 unless another value is given. */
  increment(name: string, value?: number, sampleRate?: number, tags?: Tags): void;
  increment(name: string, value: number, tags?: Tags): void;
  increment(name: string, tags?: Tags): void;
  increment(name: string, value: number | Tags = 1, sampleRate?: number | Tags, tags?: Tags): void {
    this._add('c', name, value, sampleRate, tags, 1);
  }

  /** Takes from a counter, 1 unless another value is given. */
  decrement(name: string, value?: number, sampleRate?: number, tags?: Tags): void;
  decrement(name: string, value: number, tags?: Tags): void;
  decrement(name: string, tags?: Tags): void;
  decrement(name: string, value: number | Tags = 1, sampleRate?: number | Tags, tags?: Tags): void {
    this._add('c', name, value, sampleRate, tags, -1);
  }

  /** Adds to a counter. */
  count(name: string, value: number, sampleRate?: number, tags?: Tags): void;
  count(name: string, value: number, tags?: Tags): void;
  count(name: string, value: number, sampleRate?: number | Tags, tags?: Tags): void {
    this._add('c', name, value, sampleRate, tags);
  }

  /** Sets a gauge, to a negative value too. */
  gauge(name: string, value: number, tags?: Tags): void {
    this._add('g', name, value, tags);
  }

  /** Moves a gauge up or down. */
  gaugeDelta(name: string, value: number, tags?: Tags): void {
    this._add('+', name, value, tags);
  }

  /** Adds a duration in milliseconds, or the time since a Date. */
  timing(name: string, value: number | Date, sampleRate?: number, tags?: Tags): void;
  timing(name: string, value: number | Date, tags?: Tags): void;
  timing(name: string, value: number | Date, sampleRate?: number | Tags, tags?: Tags): void {
    this._add('ms', name, value, sampleRate, tags);
  }

  /**
   * Times a function, or a promise from now on, and returns what it returns. A
   * failure is timed and handed on like a success. What has a method then and is
   * no promise, such as a query that is asked with each call of it, is asked once
   * and comes back as a promise.
   */
  time<T>(name: string, what: (() => PromiseLike<T>) | PromiseLike<T>, sampleRate?: number, tags?: Tags): Promise<T>;
  time<T>(name: string, what: (() => PromiseLike<T>) | PromiseLike<T>, tags?: Tags): Promise<T>;
  time<T>(name: string, what: (() => T) | T, sampleRate?: number, tags?: Tags): T;
  time<T>(name: string, what: (() => T) | T, tags?: Tags): T;
  time(name: string, what: unknown, sampleRate?: number | Tags, tags?: Tags): unknown {
    const start = performance.now();
    // In whole microseconds: more digits would only say how doubles work.
    const done = () => this._add('ms', name, +(performance.now() - start).toFixed(3), sampleRate, tags);
    let promise: Promise<unknown> | undefined;
    try {
      const result = typeof what == 'function' ? what() : what;
      return typeof result?.then == 'function' ? (promise = Promise.resolve(result)) : result;
    } finally {
      promise ? promise.then(done, done) : done();
    }
  }

  /** Adds to a set, whose distinct values StatsD counts. */
  set(name: string, value: string | number, tags?: Tags): void {
    this._add('s', name, value, tags);
  }

  /** Adds to a histogram; the proxy needs --histograms. */
  histogram(name: string, value: number, sampleRate?: number, tags?: Tags): void;
  histogram(name: string, value: number, tags?: Tags): void;
  histogram(name: string, value: number, sampleRate?: number | Tags, tags?: Tags): void {
    this._add('h', name, value, sampleRate, tags);
  }

  /** Adds to a distribution; the proxy needs --histograms. */
  distribution(name: string, value: number, sampleRate?: number, tags?: Tags): void;
  distribution(name: string, value: number, tags?: Tags): void;
  distribution(name: string, value: number, sampleRate?: number | Tags, tags?: Tags): void {
    this._add('d', name, value, sampleRate, tags);
  }

  /** Returns a client that shares this one's queue and settings. */
  child({ prefix = '', tags }: ChildOptions = {}): StatsD {
    const child: StatsD = Object.create(this);
    child._prefix += prefix;
    child._tags = { ...this._tags, ...tags };
    return child;
  }

  /** Sends all that waits. Resolves when it was sent or given up; never rejects. */
  flush(): Promise<void> {
    return this._sender._flush();
  }

  /**
   * Sends all that waits, in one last attempt, and stops timers and listeners,
   * those of parents and children too. Never rejects.
   */
  close(): Promise<void> {
    return this._sender._close();
  }

  private _add(type: Type, name: string, value: unknown, rate?: number | Tags, tags?: Tags, sign?: number) {
    try {
      if (sign && typeof value == 'object') {
        rate = value as Tags;
        value = 1;
      }
      if (typeof rate == 'object') {
        tags = tags || rate;
        rate = undefined;
      }
      if (value instanceof Date) {
        value = Date.now() - +value;
      }
      if (sign && typeof value == 'number') {
        value *= sign;
      }
      // The metric's own tags come first and win, as with the proxy's --tags.
      const line = lineOf(type, this._prefix, name, value, rate, this._rate, { ...tags, ...this._tags, ...tags });
      if (line) {
        this._sender._push(line, type == 'c');
      }
    } catch (error) {
      this._sender._fail('invalid', 1, error);
    }
  }
}

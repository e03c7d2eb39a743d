/**
 * A StatsD client for web pages and Node.js. It POSTs batches of StatsD lines to
 * statsd-http-proxy.
 *
 * A call becomes a line (line.ts), which is queued (queue.ts) and sent
 * (sender.ts).
 */

import { lineOf, type Tags, type Type } from './line.js';
import { newSender, type Options as SenderOptions, type Sender } from './sender.js';

export type { Tags } from './line.js';
export type { StatsDError } from './sender.js';

/** The options of a client. */
export interface Options extends SenderOptions {
  /** Put before each name, unchanged. */
  prefix?: string;
  /** Tags of every metric. A metric's own tag of the same key wins. */
  tags?: Tags;
  /** The sample rate of counts, timings, histograms and distributions: 0.0001 to 1. Default 1. */
  sampleRate?: number;
}

/** The options of a child. */
export interface ChildOptions {
  /** Appended to the prefix of the parent. */
  prefix?: string;
  /** Added to the tags of the parent. A tag of the same key wins over the parent's. */
  tags?: Tags;
}

/** The arguments of a method. Tags may take the place of the sample rate, and for increment and decrement that of the value. */
type Arguments = [name: string, value?: unknown, sampleRate?: number | Tags, tags?: Tags];

/**
 * StatsD sends metrics. Its methods report bad arguments to onError and do not
 * throw. time alone throws: what the timed function throws.
 */
export class StatsD {
  private _sender: Sender;
  private _prefix: string;
  private _tags?: Tags;
  private _sampleRate: number;

  constructor(options: Options) {
    const { prefix = '', tags, sampleRate = 1, ...senderOptions } = { ...options };
    this._sender = newSender(senderOptions);
    this._prefix = prefix;
    this._tags = tags;
    this._sampleRate = sampleRate;
  }

  /** Adds a value, 1 by default, to a counter. */
  increment(name: string, value?: number, sampleRate?: number, tags?: Tags): void;
  increment(name: string, value: number, tags?: Tags): void;
  increment(name: string, tags?: Tags): void;
  increment(...args: Arguments): void {
    this._add('c', args, 1);
  }

  /** Subtracts a value, 1 by default, from a counter. */
  decrement(name: string, value?: number, sampleRate?: number, tags?: Tags): void;
  decrement(name: string, value: number, tags?: Tags): void;
  decrement(name: string, tags?: Tags): void;
  decrement(...args: Arguments): void {
    this._add('c', args, -1);
  }

  /** Adds a value to a counter. */
  count(name: string, value: number, sampleRate?: number, tags?: Tags): void;
  count(name: string, value: number, tags?: Tags): void;
  count(...args: Arguments): void {
    this._add('c', args);
  }

  /** Sets a gauge. The value may be negative. */
  gauge(name: string, value: number, tags?: Tags): void;
  gauge(...args: Arguments): void {
    this._add('g', args);
  }

  /** Moves a gauge up or down. */
  gaugeDelta(name: string, value: number, tags?: Tags): void;
  gaugeDelta(...args: Arguments): void {
    this._add('+', args);
  }

  /** Records a duration in milliseconds, or the time since a Date. */
  timing(name: string, value: number | Date, sampleRate?: number, tags?: Tags): void;
  timing(name: string, value: number | Date, tags?: Tags): void;
  timing(...args: Arguments): void {
    this._add('ms', args);
  }

  /**
   * Times a function, or a promise from now on, and returns its result. A failure
   * is timed and passed on too. An object with a then method that is no promise,
   * such as a database query that runs with each call of then, is awaited once and
   * comes back as a promise.
   */
  time<T>(name: string, what: (() => PromiseLike<T>) | PromiseLike<T>, sampleRate?: number, tags?: Tags): Promise<T>;
  time<T>(name: string, what: (() => PromiseLike<T>) | PromiseLike<T>, tags?: Tags): Promise<T>;
  time<T>(name: string, what: (() => T) | T, sampleRate?: number, tags?: Tags): T;
  time<T>(name: string, what: (() => T) | T, tags?: Tags): T;
  time(name: string, what: unknown, ...rest: [sampleRate?: number | Tags, tags?: Tags]): unknown {
    const start = performance.now();
    // Whole microseconds: further digits are noise of floating point.
    const done = () => this._add('ms', [name, +(performance.now() - start).toFixed(3), ...rest]);
    let promise: Promise<unknown> | undefined;
    try {
      const result = typeof what == 'function' ? what() : what;
      return typeof result?.then == 'function' ? (promise = Promise.resolve(result)) : result;
    } finally {
      promise ? promise.then(done, done) : done();
    }
  }

  /** Adds a value to a set. StatsD counts the distinct values. */
  set(name: string, value: string | number, tags?: Tags): void;
  set(...args: Arguments): void {
    this._add('s', args);
  }

  /** Adds a value to a histogram. The proxy needs --histograms. */
  histogram(name: string, value: number, sampleRate?: number, tags?: Tags): void;
  histogram(name: string, value: number, tags?: Tags): void;
  histogram(...args: Arguments): void {
    this._add('h', args);
  }

  /** Adds a value to a distribution. The proxy needs --histograms. */
  distribution(name: string, value: number, sampleRate?: number, tags?: Tags): void;
  distribution(name: string, value: number, tags?: Tags): void;
  distribution(...args: Arguments): void {
    this._add('d', args);
  }

  /** Returns a client that shares this client's queue and settings. */
  child(options?: ChildOptions): StatsD {
    const { prefix = '', tags } = { ...options };
    const child: StatsD = Object.create(this);
    child._prefix += prefix;
    child._tags = { ...this._tags, ...tags };
    return child;
  }

  /** Sends the queue. The promise resolves when every line was sent or lost, and never rejects. */
  flush(): Promise<void> {
    return this._sender._flush();
  }

  /**
   * Sends the queue in one last attempt, and removes timers and listeners. Parents
   * and children are closed too. The promise never rejects.
   */
  close(): Promise<void> {
    return this._sender._close();
  }

  // _add queues a metric. sign is 1 for increment and -1 for decrement.
  private _add(type: Type, [name, value, rate, tags]: Arguments, sign?: number) {
    try {
      if (sign) {
        if (typeof value == 'object') {
          rate = value as Tags;
          value = undefined;
        }
        value = value === undefined ? sign : typeof value == 'number' ? value * sign : value;
      }
      if (typeof rate == 'object') {
        tags = tags || rate;
        rate = undefined;
      }
      if (value instanceof Date) {
        value = Date.now() - +value;
      }
      // The metric's own tags come first and win, as with the proxy's --tags.
      const line = lineOf(type, this._prefix, name, value, rate, this._sampleRate, { ...tags, ...this._tags, ...tags });
      if (line) {
        this._sender._push(line);
      }
    } catch (error) {
      this._sender._report('invalid', 1, error);
    }
  }
}

/**
 * A StatsD client for web pages and Node.js. It POSTs batches of StatsD lines to
 * statsd-http-proxy.
 *
 * A call becomes a line (line.ts), which is queued and sent (sender.ts).
 */

import { dotted, lineOf, type Line, type Tags, type Type } from './line.js';
import type { Options } from './options.js';
import { newSender, type Sender } from './sender.js';

export type { Tags } from './line.js';
export type { Options, StatsDError } from './options.js';

/** The options of a child. */
export interface ChildOptions {
  /** Appended to the prefix of the parent, and joined to names by the same rule. */
  prefix?: string;
  /** Added to the tags of the parent. A tag of the same key wins over the parent's. */
  tags?: Tags;
}

/** The methods of StatsD, for code that also runs with a stand-in, such as those of statsd-http-proxy-client/testing. */
export interface StatsDClient extends Pick<StatsD, Exclude<keyof StatsD, 'child' | `_${string}`>> {
  child(options?: ChildOptions): StatsDClient;
}

/** The arguments of a method. Tags may take the place of the sample rate, and for increment and decrement that of the value. */
type Arguments = [name: string, value?: unknown, sampleRate?: number | Tags, tags?: Tags];

// The constructor adds these to the methods of the class.
export interface StatsD {
  /** Sends the queue. The promise resolves when every line was sent or lost, and never rejects. */
  flush(): Promise<void>;

  /**
   * Sends the queue in one last attempt, and removes the listeners. Parents and
   * children are closed too. The promise never rejects.
   */
  close(): Promise<void>;

  /** @internal */
  _prefix: string;
  /** @internal */
  _tags?: Tags;
  /** @internal */
  _sampleRate: number;
  /** @internal */
  _push: (line: Line) => void;
  /** @internal */
  _report: Sender['_report'];
}

/**
 * StatsD sends metrics. The constructor and the methods report errors to onError
 * and do not throw. time alone throws: what the timed function throws.
 */
export class StatsD {
  constructor(options: Options) {
    Object.assign(this, newSender({ ...options }));
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
   * Times a function, or a promise from now on, and returns the result, or a
   * promise of it. A failure is timed and passed on too. An object with a then method
   * that is no promise, such as a database query that runs with each call of then, is
   * awaited once and comes back as a promise.
   */
  time<T>(name: string, what: (() => PromiseLike<T>) | PromiseLike<T>, sampleRate?: number, tags?: Tags): Promise<T>;
  time<T>(name: string, what: (() => PromiseLike<T>) | PromiseLike<T>, tags?: Tags): Promise<T>;
  time<T>(name: string, what: (() => T) | T, sampleRate?: number, tags?: Tags): T;
  time<T>(name: string, what: (() => T) | T, tags?: Tags): T;
  time(name: string, what: unknown, ...rest: [sampleRate?: number | Tags, tags?: Tags]): unknown {
    const start = performance.now();
    // Whole microseconds: further digits are noise of floating point.
    const done = () => this.timing(name, +(performance.now() - start).toFixed(3), ...(rest as any));
    let isAsync = false;
    try {
      const result = typeof what == 'function' ? what() : what;
      isAsync = typeof result?.then == 'function';
      return isAsync ? Promise.resolve(result).finally(done) : result;
    } finally {
      if (!isAsync) {
        done();
      }
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
    const child: StatsD = Object.create(this);
    child._prefix += dotted(options?.prefix);
    child._tags = { ...this._tags, ...options?.tags };
    return child;
  }

  /**
   * Queues a metric. sign is 1 for increment and -1 for decrement.
   * @internal
   */
  _add(type: Type, args: Arguments, sign?: number) {
    try {
      const line = lineOf(this, type, args, sign);
      if (line) {
        this._push(line);
      }
    } catch (error) {
      this._report('invalid', 1, error, ' in ', args[0]);
    }
  }
}

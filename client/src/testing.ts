// Stand-ins for a client in the tests of a page.

import { StatsD, type ChildOptions, type Options, type StatsDClient, type StatsDError, type Tags } from './index.js';
import { textOf, type Line, type Type } from './line.js';

/** A client that does nothing. time still calls its function and returns the result. */
export class NoopStatsD implements StatsDClient {
  increment(): void {}
  decrement(): void {}
  count(): void {}
  gauge(): void {}
  gaugeDelta(): void {}
  timing(): void {}
  set(): void {}
  histogram(): void {}
  distribution(): void {}

  time<T>(name: string, what: (() => PromiseLike<T>) | PromiseLike<T>, sampleRate?: number | Tags, tags?: Tags): Promise<T>;
  time<T>(name: string, what: (() => T) | T, sampleRate?: number | Tags, tags?: Tags): T;
  time(_name: string, what: unknown): unknown {
    const result = typeof what == 'function' ? what() : what;
    return typeof result?.then == 'function' ? Promise.resolve(result) : result;
  }

  child(_options?: ChildOptions): StatsDClient {
    return this;
  }

  async flush(): Promise<void> {}
  async close(): Promise<void> {}
}

/**
 * A client that keeps its lines and sends nothing. It checks calls as StatsD does, but
 * keeps the line of each call, whatever the sample rate, and does not add up counts.
 * Children add to the lines of their parent.
 */
export class RecordingStatsD extends StatsD {
  /** The lines of all calls, in order. */
  readonly lines: string[] = [];
  /** The errors that onError would get. */
  readonly errors: StatsDError[];

  constructor(options?: Partial<Options>) {
    const errors: StatsDError[] = [];
    super({
      url: 'http://localhost',
      ...options,
      token: '',
      getToken: undefined,
      onError(error) {
        errors.push(error);
        return options?.onError?.(error);
      },
    });
    this.errors = errors;
    this._push = (line: Line) => this.lines.push(...textOf(line).split('\n'));
  }

  /** Forgets all lines and errors. */
  clear(): void {
    this.lines.length = this.errors.length = 0;
  }

  /** @internal */
  _add(type: Type, args: any, sign?: number): void {
    const { random } = Math;
    Math.random = () => 0; // sampling leaves out nothing
    try {
      super._add(type, args, sign);
    } finally {
      Math.random = random;
    }
  }
}

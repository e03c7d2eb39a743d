import type { Tags } from './line.js';

/** The options of a client. */
export interface Options {
  /** The address of the proxy, absolute, with http or https. The client POSTs lines to url + '/batch'. */
  url: string;
  /** A JSON Web Token for the proxy. */
  token?: string;
  /**
   * Returns a token, within 30 seconds. The client calls it at once unless token is
   * given, and with true after the proxy rejected a token.
   */
  getToken?: (isRefused?: boolean) => string | Promise<string>;
  /** Put before each name. A dot joins them if the prefix ends in a letter or a digit. */
  prefix?: string;
  /** Tags of every metric. A metric's own tag of the same key wins. */
  tags?: Tags;
  /** The sample rate of counts, timings, histograms and distributions: 0.0001 to 1. Default 1. */
  sampleRate?: number;
  /** How long a line waits for others, in milliseconds. Default 1000. */
  flushInterval?: number;
  /** The maximum size of a request body and of a line, in bytes, up to 61440. Default 16384. */
  maxBatch?: number;
  /** The maximum number of queued lines. The client drops the oldest ones beyond it. Default 20000. */
  maxQueue?: number;
  /** The maximum size of the queue, in bytes. The client drops the oldest lines beyond it. Default 1 MiB. */
  maxQueueBytes?: number;
  /**
   * Called with each error. The client ignores what it throws or rejects with.
   * Without it, the first error of each kind is logged to the console.
   */
  onError?: (error: StatsDError) => unknown;
  /** Logs each line and each response to the console, with console.debug. */
  debug?: boolean;
}

/** The argument of onError. */
export interface StatsDError extends Error {
  /**
   * invalid: an option is wrong, or a call had a bad argument and sent nothing.
   * rejected: the proxy rejected some or all lines of a batch. refused: the proxy
   * refused a whole batch. dropped: the queue was full, the client was closed, the
   * page was left, or no response could be read. retry: the proxy could not be
   * reached or was overloaded; nothing is lost yet.
   */
  kind: 'invalid' | 'rejected' | 'refused' | 'dropped' | 'retry';
  /** The number of lost lines. */
  lost: number;
  /** The name of the metric, as in the call, if kind is invalid. */
  metric: string;
  /** What is bad if kind is invalid: name, value, sampleRate, tag, the key of a tag, or an option. */
  key?: string;
  /** The bad value. */
  value?: unknown;
}

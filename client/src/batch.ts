// The body of a request, the proxy's response to it, and their limits.

import { textOf, type Line } from './line.js';
import type { StatsDError } from './options.js';

// A const enum, since esbuild inlines its numbers.
export const enum Limit {
  // Bytes of a request body. Browsers allow the beacons and keepalive requests in
  // flight 64 KiB in total: https://fetch.spec.whatwg.org/#http-network-or-cache-fetch.
  // The default of maxBatch leaves room for beacons beside a request in flight.
  maxBody = 61440,

  // The wait after a failure doubles from minBackoff to maxBackoff, in milliseconds.
  // Jitter is added to it.
  minBackoff = 700,
  maxBackoff = 20000,

  // The maximum time of a request, in milliseconds.
  requestTimeout = 30000,

  // The maximum of Retry-After that the client honors, in seconds, so that no
  // response can stop a page from sending for good.
  maxRetryAfter = 3600,

  // How often a batch is sent again if its response cannot be read. The batch may have
  // arrived each time, for example if the response lacks the headers of CORS. With
  // backoff, all repeats take one and a half minutes, so a short outage loses nothing.
  maxRepeats = 8,
}

/** Returns the body of a batch. */
export const bodyOf = (batch: Line[]) => {
  const text = batch.map(textOf).join('\n');
  // A body that starts with a bracket would be read as a JSON array, so a blank line
  // goes first.
  return text[0] == '[' ? '\xa0\n' + text : text;
};

/** The body of the proxy's response to a batch. */
export type BatchResult = { accepted?: number; rejected?: { index: number; error: string }[]; error?: string } | null;

/** Reports an error to onError. suffix and metric follow the text of the error. */
export type Report = (kind: StatsDError['kind'], lost: number, error: unknown, suffix?: string, metric?: string) => void;

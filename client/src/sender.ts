import { bodyOf, Limit, type BatchResult, type Report } from './batch.js';
import { check, dotted, keyOf, lineOf, sizeOf, textOf, type Line } from './line.js';
import type { Options } from './options.js';
import { listen, noop, timer } from './runtime.js';

export type Sender = ReturnType<typeof newSender>;

/**
 * Returns the parts of a client that queue lines and send them in batches. One
 * request is in flight at a time, so that lines arrive in order. The lines of a
 * failed request stay at the front of the queue, where a beacon can take them.
 * It is one large function to keep the script small (test/package.test.mjs).
 */
export const newSender = ({
  url, token, getToken, flushInterval = 1000, maxBatch = 16384, maxQueue = 20000, maxQueueBytes = 1 << 20,
  onError, debug, prefix, tags, sampleRate = 1, ...unknown
}: Options) => {
  const maxBytes = Math.min(maxBatch, maxQueueBytes - 1, Limit.maxBody);

  // The first inflight lines of the queue are in the request in flight. They stay in
  // the queue until the proxy has responded.
  const queue: Line[] = [];
  const counts = new Map<string | Line, Line>(); // queued counts by keyOf; later counts with the same key are added to them
  let queueBytes = 0;
  let inflight = 0;
  let unsent = 0; // lines that drain has yet to send

  let maxCount = 1e9; // lines in a batch; it shrinks when a batch is too large
  let lost = 0; // dropped lines that are not reported yet
  let failures = 0; // failed attempts in a row
  let unreadable = 0; // requests in a row without a readable response
  let retryAfter = 0; // Retry-After of the last response, in milliseconds

  let batchTimer: any;
  let draining: any;
  let endWait: () => void = noop; // ends the wait between two attempts
  let isLeaving = 0; // a timer, set in the turn in which the page is hidden or left
  let isClosed = 1; // 1 until the options are checked, and after close
  const log = debug ? console.debug : noop;

  // report calls onError. If onError calls the client and causes another error, report
  // ignores that error, to prevent an endless loop. The async function catches what
  // onError throws or rejects with, and errors that cannot be converted to text.
  const report: Report = (kind, lost, error: any, suffix = '', metric = '') => {
    const call = onError!;
    onError = noop;
    (async () => {
      const text = (error?.message ?? error) + suffix + metric;
      return call(Object.assign(new Error(text), { kind, lost, metric, key: error?.key, value: error?.value }));
    })().catch(noop);
    onError = call;
  };

  // remove removes count lines, beginning with line start. Later counts are not added to them.
  const remove = (count: number, start = 0) => {
    for (const line of queue.splice(start, count)) {
      unsent--;
      if (start < inflight) {
        inflight--;
      }
      queueBytes -= sizeOf(line);
      counts.delete(keyOf(line));
    }
  };

  // drop drops the first count lines, and reports all lines dropped since the last report.
  const drop = (count: number, reason: unknown = 'queue full') => {
    remove(count);
    lost += count;
    if (lost) {
      report('dropped', lost, reason, `, ${lost} lost`);
      lost = 0;
    }
  };

  // nextBatch returns a batch of the lines after those in flight: as many as fit into
  // maxBytes and maxCount, but at least one. Later counts are not added to them.
  const nextBatch = (maxBytes: number) => {
    const batch: Line[] = [];
    for (const line of queue.slice(inflight, inflight + maxCount)) {
      maxBytes -= sizeOf(line);
      if (batch.length && maxBytes < 0) {
        break;
      }
      batch.push(line);
      counts.delete(keyOf(line));
    }
    return batch;
  };

  // The token is in the query: beacons have no headers, and a header would make
  // browsers send a preflight first.
  const batchURL = () => url.replace(/\/+$/, '') + '/batch' + (token && '?token=' + encodeURIComponent((token + '').trim()));

  const isOffline = () => globalThis.navigator?.onLine == false;

  // drain sends the lines that are queued at the start, batch by batch, and gets the
  // first token.
  const drain = async () => {
    await 0; // the calls of this turn share a batch
    let isTokenRenewed = false;
    unsent = queue.length;
    while (unsent > 0 || (token == null && !isClosed)) {
      drop(0);
      inflight = retryAfter = 0;
      try {
        if (isOffline()) {
          throw 'offline';
        }
        if (token == null) {
          token =
            (await Promise.race([
              getToken!(isTokenRenewed),
              new Promise<never>((_, reject) => timer(() => reject('getToken timeout'), Limit.requestTimeout)),
            ])) ?? '';
          unsent = queue.length; // also send the lines that were queued meanwhile: the page may end soon
          continue;
        }
        const batch = nextBatch(maxBytes);
        const body = bodyOf(batch);
        inflight = batch.length;
        unreadable++;
        // A browser fails a keepalive request beyond its 64 KiB like any other failure, so
        // every second attempt has no keepalive.
        const response = await fetch(batchURL(), {
          method: 'POST',
          body,
          credentials: 'omit',
          keepalive: !(failures % 2),
          signal: AbortSignal.timeout?.(Limit.requestTimeout),
        });
        unreadable = 0;
        // Until its body is read, a response counts against the 64 KiB.
        const result: BatchResult = await response.json().catch(noop);
        const status = response.status;
        log(status, result);
        if (status == 429 || status >= 500) {
          // 0 if the header is a date; Math.min converts it.
          retryAfter = Math.min(response.headers.get('retry-after') as any, Limit.maxRetryAfter) * 1000 || 0;
          throw 'status ' + status;
        }
        failures = 0;
        if ((status == 401 || status == 403) && getToken && !isTokenRenewed) {
          isTokenRenewed = true;
          token = null as any;
        } else if ((status == 413 || status == 408) && inflight > 1) {
          maxCount = inflight / 2;
        } else {
          maxCount *= 2;
          remove(inflight); // these lines are not sent again, even if the body is broken
          // The proxy lists up to 20 rejected lines. A body without the number of accepted
          // lines is not the proxy's response to a batch, whatever the status. It may be a
          // login page, for example.
          const lines = body.trimStart().split('\n');
          if (result?.rejected?.length) {
            report('rejected', lines.length - result.accepted!,
              result.rejected.map(({ index, error }) => lines[index] + ': ' + error).join('\n'));
          } else if (result?.accepted == null) {
            report('refused', lines.length, `status ${status}: ` + result?.error);
          }
        }
      } catch (error) {
        if (isClosed || unreadable > Limit.maxRepeats) {
          drop(isClosed ? queue.length : inflight, error);
          unreadable = 0;
        } else {
          inflight = 0;
          // Jitter in proportion to the wait spreads pages that failed together.
          const wait =
            (1 + Math.random() / 2) * Math.max(retryAfter, Math.min(Limit.minBackoff * 2 ** failures++, Limit.maxBackoff));
          report('retry', 0, error, `, trying again in ${wait | 0} ms`);
          await new Promise<void>((resolve) => timer((endWait = resolve), wait));
          unsent = queue.length;
        }
      }
    }
    draining = 0;
    schedule();
  };

  // run sends the queued lines now.
  const run = () => {
    batchTimer = 0;
    return (draining ||= drain());
  };

  // schedule sends the queued lines after the interval, or now if they fill a batch.
  const schedule = () => {
    if (queueBytes >= maxBytes) {
      run();
    } else if (queue.length) {
      batchTimer ||= timer(run, flushInterval);
    }
  };

  const flush = async () => {
    await draining; // lines that were queued after its start may remain
    return run();
  };

  // sendBeacons sends the queued lines as beacons. If the browser rejects a beacon,
  // sendBeacons tries smaller ones. The remaining lines stay queued.
  const sendBeacons = () => {
    // Without a token the proxy would reject the beacons.
    for (let size = maxBytes; queue.length > inflight && size >= 1 && token != null && !isOffline(); ) {
      const batch = nextBatch(size);
      if (navigator.sendBeacon?.(batchURL(), bodyOf(batch))) {
        remove(batch.length, inflight);
      } else {
        size /= 2;
      }
    }
  };

  // onPageEvent sends the queue when the page is hidden. That is the last event that a
  // page is sure to get. Lines that are queued later in the same turn, such as those of
  // web-vitals, are sent at once. When the browser is online again or the page is shown
  // again, onPageEvent ends the wait between two attempts.
  const onPageEvent = ({ type, persisted }: any) => {
    if (type != 'pagehide' && !globalThis.document?.hidden) {
      failures = 0;
      if (!retryAfter) {
        endWait();
      }
    } else {
      isLeaving = timer(() => (isLeaving = 0));
      if (persisted == false && failures % 2) {
        inflight = 0; // the request lacks keepalive and ends with the page
      }
      sendBeacons();
      if (persisted == false) {
        drop(queue.length - inflight, 'page left');
      }
    }
  };

  listen('addEventListener', onPageEvent);

  const client = {
    _prefix: dotted(prefix),
    _tags: tags,
    _sampleRate: sampleRate,
    _report: report,
    flush,

    /** Queues a line. It throws if the line is too long or the client is closed. */
    _push(line: Line) {
      check(!isClosed, 'call after close', textOf(line));
      check(sizeOf(line) <= maxBytes + 1, 'length', textOf(line));
      log(textOf(line));
      const queued = counts.get(keyOf(line))!;
      const sum = +queued?.[1] + +line[1];
      if (Math.abs(sum) < 2 ** 53) {
        queueBytes -= sizeOf(queued);
        queued[1] = sum;
        line = queued;
      } else {
        counts.set(keyOf(line), line);
        queue.push(line);
      }
      queueBytes += sizeOf(line);
      while (queue.length > maxQueue || queueBytes > maxQueueBytes) {
        remove(1);
        lost++;
      }
      if (isLeaving) {
        queueMicrotask(sendBeacons);
      }
      schedule();
    },

    /** Sends the queue in one last attempt, drops the rest, and stops. */
    async close() {
      isClosed = 1;
      endWait();
      await flush();
      listen('removeEventListener', onPageEvent);
    },
  };

  // With a bad URL or setting, each request or call would fail. The client then stays
  // closed and queues nothing. An unknown option is only reported.
  try {
    check(/^https?:/.test(url) && new URL(url), 'url', url);
    lineOf(client, 'c', ['a', 1]);
    isClosed = 0;
    for (const key in unknown) {
      check(0, 'option', key);
    }
  } catch (error) {
    console.error(error);
    report('invalid', 0, error);
  }

  const logged: any = {}; // by kind: an array, which is truthy, if an error was logged
  onError ||= (error) => (logged[error.kind] ||= [console.error(error)]);

  // With getToken, drain gets the first token. Without getToken, the empty string means
  // that there is no token.
  getToken ? token ?? run() : (token ??= '');

  return client;
};

import { byteLength, textOf, type Line } from './line.js';
import { addToCount, batchLength, isCount, keyOf } from './queue.js';

/** Where and how often a client sends, and how much it queues. */
export interface Options {
  /** The address of the proxy. The client POSTs lines to url + '/batch'. */
  url: string;
  /** A JSON Web Token for the proxy. */
  token?: string;
  /**
   * Returns a token. The client calls it before the first batch unless token is
   * given, and with true after the proxy refused the last token, at most once a
   * batch.
   */
  getToken?: (isRefused?: boolean) => string | Promise<string>;
  /** How long a line waits for others, in milliseconds. Default 1000. */
  flushInterval?: number;
  /** The maximum size of a request body, in bytes, up to 61440. Default 16384. */
  maxBatch?: number;
  /** The maximum number of queued lines. The client drops the oldest ones beyond it. Default 20000. */
  maxQueue?: number;
  /** Called with each error. The client ignores what it throws. */
  onError?: (error: StatsDError) => void;
}

/** The argument of onError. */
export interface StatsDError extends Error {
  /**
   * invalid: a call had a bad argument and sent nothing. rejected: the proxy
   * rejected some or all lines of a batch. refused: the proxy refused a whole
   * batch. dropped: the queue was full, or the client was closed. retry: the proxy
   * could not be reached or was overloaded; nothing is lost yet.
   */
  kind: 'invalid' | 'rejected' | 'refused' | 'dropped' | 'retry';
  /** The number of lost lines. */
  lost: number;
}

// A const enum, since esbuild inlines its numbers.
const enum Limit {
  // Bytes of a request body. Browsers allow the beacons and keepalive requests in
  // flight 64 KiB in total: https://fetch.spec.whatwg.org/#http-network-or-cache-fetch.
  // The default of maxBatch leaves room for beacons beside a request in flight.
  maxBody = 61440,

  // The wait after a failure doubles from minBackoff to maxBackoff, in milliseconds.
  minBackoff = 1000,
  maxBackoff = 30000,

  // The maximum time of a request, in milliseconds.
  requestTimeout = 30000,

  // The maximum of Retry-After that the client honors, in seconds, so that no
  // response can stop a page from sending for good.
  maxRetryAfter = 3600,
}

// bodyOf returns the body of a batch. A body that starts with a bracket would be
// read as a JSON array, so a blank line goes first.
const bodyOf = (lines: string[]) => (lines[0][0] == '[' ? '\xa0\n' : '') + lines.join('\n');

// timer starts a timer that does not keep a Node.js process alive.
const timer = (call: () => void, wait?: number) => {
  const started: any = setTimeout(call, wait);
  started.unref?.();
  return started;
};

/** The body of the proxy's response to a batch. */
type Verdict = { accepted?: number; rejected?: { index: number; error: string }[]; error?: string } | null;

/** What the sender does after a response. */
const enum Outcome {
  retry, // waits, and sends the batch again
  renewToken, // sends the batch again with another token
  halve, // sends half of the batch
  accepted, // reports the lines that were rejected, and goes on
}

export type Sender = ReturnType<typeof newSender>;

/**
 * Returns a sender, which queues lines and sends them in batches. One request is
 * in flight at a time, so that lines arrive in order. A batch that must be sent
 * again returns to the front of the queue, where a beacon can take it.
 */
export const newSender = ({ url, token, getToken, flushInterval = 1000, maxBatch = 16384, maxQueue = 20000, onError }: Options) => {
  const maxBytes = Math.min(maxBatch, Limit.maxBody);

  let queue: Line[] = [];
  const counts = new Map<string, Line>(); // the queued counts that later ones are added to
  let maxCount = maxQueue; // of lines in a batch, less after a batch was too large
  let newBytes = 0; // size of the lines queued since a batch was scheduled, roughly
  let lost = 0; // dropped lines that are not reported yet
  let failures = 0; // in a row

  let batchTimer: any;
  let draining: Promise<void> | undefined;
  let wake = () => {}; // ends the wait between two attempts
  let isLeaving = false; // the page is being hidden or left in this turn
  let isClosed = false;

  // report calls onError, but not for errors that onError itself causes by calling
  // the client: they could go on forever. The message is joined here since getToken
  // may throw a value that cannot become text.
  const report = (kind: StatsDError['kind'], lost: number, ...message: unknown[]) => {
    const call = onError;
    onError = undefined;
    try {
      call?.(Object.assign(new Error(message.join('')), { kind, lost }));
    } catch {}
    onError = call;
  };

  const reportLost = (reason: unknown = 'the queue was full') => {
    if (lost) {
      report('dropped', lost, lost, ' lines dropped: ', reason);
      lost = 0;
    }
  };

  // remove removes the first lines of the queue. Nothing is added to them later.
  const remove = (count: number) => {
    const removed = queue.splice(0, count);
    for (const line of removed) {
      counts.delete(keyOf(line));
    }
    return removed;
  };

  const cut = (maxBytes: number) => remove(batchLength(queue, maxBytes, maxCount));

  // trim drops the oldest lines of a queue that is too long.
  const trim = () => {
    if (queue.length > maxQueue) {
      lost += remove(queue.length - maxQueue).length;
    }
  };

  const putBack = (batch: Line[]) => {
    queue.unshift(...batch);
    trim();
  };

  // The token is in the query: beacons have no headers, and a header would make
  // browsers send a preflight first.
  const batchURL = () => url.replace(/\/+$/, '') + '/batch' + (token ? '?token=' + encodeURIComponent(token) : '');

  // reportRejected reports the lines that the proxy did not accept; the proxy
  // lists up to 20. A body without the number of accepted lines is not the proxy's
  // response to a batch, whatever its status, but a login page, say.
  const reportRejected = (lines: string[], status: number, verdict: Verdict) => {
    if (verdict?.rejected?.length) {
      report(
        'rejected',
        lines.length - verdict.accepted!,
        verdict.rejected.map(({ index, error }) => lines[index] + ': ' + error).join('\n'),
      );
    } else if (verdict?.accepted == null) {
      report('refused', lines.length, `status ${status}: ${verdict?.error}`);
    }
  };

  // backOff waits before the next attempt, longer than Retry-After, and with jitter,
  // so that pages that failed together do not return together.
  const backOff = (retryAfter: number, error: unknown) => {
    const backoff = Math.min(Limit.minBackoff * 2 ** failures++, Limit.maxBackoff);
    const wait = Math.min(retryAfter > 0 ? retryAfter : 0, Limit.maxRetryAfter) * 1000 + (backoff * (1 + Math.random())) / 2;
    report('retry', 0, error, `, trying again in ${wait | 0} ms`);
    return new Promise<void>((resolve) => timer((wake = resolve), wait));
  };

  // drain sends the lines that are queued at the start, batch by batch.
  const drain = async () => {
    let isTokenRenewed = false; // for this batch
    let left = queue.length;

    const outcomeOf = (status: number, count: number) =>
      status == 429 || status >= 500 ? Outcome.retry
      : (status == 401 || status == 403) && getToken && !isTokenRenewed ? Outcome.renewToken
      : (status == 413 || status == 408) && count > 1 ? Outcome.halve
      : Outcome.accepted;

    while (left > 0 && queue.length) {
      reportLost();
      let batch: Line[] = [];
      let retryAfter = 0;
      try {
        if (getToken && token === undefined) {
          token = (await getToken(isTokenRenewed)) ?? '';
          continue; // the queue may have changed
        }
        batch = cut(maxBytes);
        const lines = batch.map(textOf).join('\n').split('\n');
        const response = await fetch(batchURL(), {
          method: 'POST',
          body: bodyOf(lines),
          credentials: 'omit',
          // A browser fails a keepalive request beyond its 64 KiB like any other
          // failure, so every second attempt does without.
          keepalive: failures % 2 == 0,
          signal: AbortSignal.timeout?.(Limit.requestTimeout),
        });
        const { status } = response;
        const outcome = outcomeOf(status, batch.length);
        if (outcome != Outcome.retry) {
          failures = 0;
        }
        switch (outcome) {
          case Outcome.retry:
            retryAfter = +response.headers.get('retry-after')!; // NaN if it is a date
            throw 'status ' + status;
          case Outcome.renewToken:
            isTokenRenewed = true;
            token = undefined;
            putBack(batch);
            break;
          case Outcome.halve:
            maxCount = batch.length >> 1;
            putBack(batch);
            break;
          case Outcome.accepted:
            isTokenRenewed = false;
            maxCount *= 2;
            left -= batch.length;
            batch = []; // it is not sent again, even if the body is broken
            reportRejected(lines, status, await response.json().catch(() => null));
        }
      } catch (error) {
        putBack(batch);
        if (isClosed) {
          lost += remove(Infinity).length;
          reportLost(error);
        } else {
          await backOff(retryAfter, error);
        }
      }
    }
    reportLost();
  };

  const schedule = (wait = flushInterval) => {
    if (!draining) {
      newBytes = 0;
      clearTimeout(batchTimer);
      batchTimer = timer(run, wait);
    }
  };

  // run sends the queued lines now. Lines that are queued meanwhile are scheduled.
  const run = () => {
    clearTimeout(batchTimer);
    batchTimer = 0;
    return (draining ||= drain().then(() => {
      draining = undefined;
      if (queue.length) {
        schedule();
      }
    }));
  };

  const flush = async () => {
    await draining; // it may leave lines that were queued after its start
    await run();
  };

  // sendBeacons sends the queued lines as beacons. If the browser takes no more, it
  // tries smaller beacons, down to a 64th of a batch. The rest stays queued.
  const sendBeacons = () => {
    // Without a token the proxy would refuse them unheard.
    for (let size = maxBytes; queue.length && size >= maxBytes / 64 && !(getToken && token === undefined); ) {
      const batch = cut(size);
      try {
        if (navigator.sendBeacon(batchURL(), bodyOf(batch.map(textOf)))) {
          continue;
        }
      } catch {} // there is no sendBeacon, or the address is bad
      putBack(batch);
      size /= 2;
    }
  };

  // onPageEvent sends the queue when the page is hidden, the last event that a page
  // is sure to get. Lines of the same turn, as from web-vitals, go out at once too.
  const onPageEvent = (event: Event) => {
    if (event.type == 'pagehide' || document.hidden) {
      isLeaving = true;
      timer(() => (isLeaving = false));
      sendBeacons();
    }
  };

  // Node.js has neither these events nor addEventListener.
  const listeners = new AbortController();
  for (const type of ['visibilitychange', 'pagehide']) {
    globalThis.addEventListener?.(type, onPageEvent, listeners);
  }

  return {
    _report: report,
    _flush: flush,

    /** Queues a line. It throws a text if the line is too long or the client is closed. */
    _push(line: Line) {
      const text = textOf(line);
      if (isClosed || byteLength(text) > maxBytes) {
        throw `${isClosed ? 'closed' : 'longer than maxBatch'}: "${text}"`;
      }
      if (isCount(line)) {
        if (addToCount(counts.get(keyOf(line)), line)) {
          return;
        }
        counts.set(keyOf(line), line);
      }
      queue.push(line);
      trim();
      newBytes += text.length;
      if (isLeaving) {
        queueMicrotask(sendBeacons);
      }
      if (newBytes >= maxBytes) {
        schedule(0);
      } else if (!batchTimer) {
        schedule();
      }
    },

    /** Sends the queue in one last attempt, drops the rest, and stops. */
    async _close() {
      isClosed = true;
      wake();
      await flush();
      listeners.abort();
    },
  };
};

import { bytes, type Line } from './line.js';

/** Where metrics go, how often and how many of them wait. */
export interface Options {
  /** The address of the proxy; lines are POSTed to it with /batch behind it. */
  url: string;
  /** A JSON Web Token for the proxy. */
  token?: string;
  /**
   * Returns a token. It is asked before the first batch, and with true where the
   * proxy has refused the last token: once for each batch.
   */
  getToken?: (refused?: boolean) => string | Promise<string>;
  /** How long lines wait for others, in milliseconds; 1000 where it is not given. */
  flushInterval?: number;
  /** How large the body of a request may be, in bytes, up to 61440; 16384 where it is not given. */
  maxBatch?: number;
  /** How many lines may wait; 20000 where it is not given. The oldest are dropped beyond. */
  maxQueue?: number;
  /** Is told what went wrong. What it throws is ignored. */
  onError?: (error: StatsDError) => void;
}

/** What onError is told. */
export interface StatsDError extends Error {
  /**
   * invalid: a call was wrong, and sent nothing. rejected: the proxy has taken a
   * batch but for some lines. refused: it has refused a whole batch. dropped: the
   * queue was full, or the client closed. retry: the proxy could not be reached or
   * had no time; nothing is lost yet.
   */
  kind: 'invalid' | 'rejected' | 'refused' | 'dropped' | 'retry';
  /** How many lines are lost. */
  lost: number;
}

// Browsers let requests that outlive their page, beacons among them, hold 64 KiB
// together: https://fetch.spec.whatwg.org/#http-network-or-cache-fetch. The
// default of a quarter leaves room for beacons beside a request in flight.
const maxBody = 61440;

// How long to wait after a failure: doubled each time, in milliseconds.
const firstWait = 1000;
const lastWait = 30000;

// How long an answer may take, in milliseconds.
const timeout = 30000;

// The most of a Retry-After that is honoured, in seconds: no answer silences a
// page for good.
const maxRetryAfter = 3600;

const textOf = (line: Line) => line.join('');

// A bracket in front would make a JSON array of the lines. A line of nothing but a
// blank is passed over.
const bodyOf = (lines: string[]) => (lines[0][0] == '[' ? '\xa0\n' : '') + lines.join('\n');

// In Node.js no timer keeps a process from ending.
const timer = (call: () => void, wait?: number) => {
  const started: any = setTimeout(call, wait);
  started.unref?.();
  return started;
};

/** What the proxy says about a batch: the first two, or why it takes none of it. */
type Verdict = { accepted?: number; rejected?: { index: number; error: string }[]; error?: string } | null;

export type Sender = ReturnType<typeof newSender>;

/**
 * A sender owns the queue. One request is in flight at a time, so that lines
 * arrive in order and a proxy in trouble is asked no more than once. A batch that
 * has to wait goes back to the front of the queue, from where it is sent again or
 * goes out as a beacon, whichever is first.
 */
export const newSender = ({ url, token, getToken, flushInterval = 1000, maxBatch = 16384, maxQueue = 20000, onError }: Options) => {
  const room = Math.min(maxBatch, maxBody);

  let queue: Line[] = [];
  let size = 0; // about how many bytes have come since a batch was planned
  let lost = 0; // lines dropped and not told yet
  let most = maxQueue; // lines in a batch: less where they were too many
  const counts = new Map<string, Line>(); // those in the queue that can be added to

  let failures = 0; // in a row
  let planned: any; // the timer of the next batch
  let running: Promise<void> | undefined;
  let wake = () => {}; // ends the wait between two attempts
  let leaving = false;
  let closed = false;

  // Tells onError what went wrong and how many lines that has cost. What goes wrong
  // in onError itself, such as a call of this client, is not told: it could go on
  // for ever. The message is put together here, since what getToken throws may
  // throw in its turn where it becomes text.
  const fail = (kind: StatsDError['kind'], lost: number, ...message: unknown[]) => {
    const tell = onError;
    onError = undefined;
    try {
      tell?.(Object.assign(new Error(message.join('')), { kind, lost }));
    } catch {}
    onError = tell;
  };

  const take = (count: number) => {
    counts.clear(); // nothing is added to a line that has left
    return queue.splice(0, count);
  };

  // Drops the oldest lines where more than slack are too many.
  const trim = (slack = 0) => {
    const over = queue.length - maxQueue;
    if (over > slack) {
      lost += take(over).length;
    }
  };

  const tellLost = (why: unknown = 'the queue was full') => {
    trim();
    if (lost) {
      fail('dropped', lost, lost, ' lines dropped: ', why);
      lost = 0;
    }
  };

  const putBack = (batch: Line[]) => {
    queue.unshift(...batch);
    trim();
  };

  // Cuts off a batch of at most room bytes, or of one line.
  const cut = (room: number) => {
    let count = 0;
    for (const line of queue) {
      room -= bytes(textOf(line)) + 1;
      if (count && (room < 0 || count >= most)) {
        break;
      }
      count++;
    }
    return take(count);
  };

  // The token stands in the query: beacons have no headers, and a header of ours
  // would make the browser ask for leave first.
  const address = () => url.replace(/\/+$/, '') + '/batch' + (token ? '?token=' + encodeURIComponent(token) : '');

  // Tells what the proxy has not taken: in a batch it lists up to 20 lines. What
  // names no number accepted is no answer of the proxy that has taken a batch, but
  // the page of a login for one, whatever its status.
  const judge = (lines: string[], status: number, verdict: Verdict) => {
    if (verdict?.rejected?.length) {
      fail(
        'rejected',
        lines.length - verdict.accepted!,
        verdict.rejected.map(({ index, error }) => lines[index] + ': ' + error).join('\n'),
      );
    } else if (verdict?.accepted == null) {
      fail('refused', lines.length, `status ${status}: ${verdict?.error}`);
    }
  };

  // Waits before the next attempt. Nobody is asked before Retry-After is over, and
  // pages that failed together do not come back together.
  const rest = (retryAfter: number, error: unknown) => {
    const backOff = Math.min(firstWait * 2 ** failures++, lastWait);
    const wait = Math.min(retryAfter > 0 ? retryAfter : 0, maxRetryAfter) * 1000 + (backOff * (1 + Math.random())) / 2;
    fail('retry', 0, error, `, trying again in ${wait | 0} ms`);
    return new Promise<void>((resolve) => timer((wake = resolve), wait));
  };

  // Sends as many lines as wait now, batch by batch.
  const drain = async () => {
    let asked = false; // for another token than the one that was refused
    let left = queue.length;
    while (left > 0 && queue.length) {
      tellLost();
      let batch: Line[] = [];
      let retryAfter = 0;
      try {
        if (getToken && token === undefined) {
          token = (await getToken(asked)) ?? '';
          continue; // the queue may have changed
        }
        batch = cut(room);
        const lines = batch.map(textOf).join('\n').split('\n');
        const answer = await fetch(address(), {
          method: 'POST',
          body: bodyOf(lines),
          credentials: 'omit',
          // The browser refuses it where others have used up its 64 KiB, which looks
          // like any other failure: every second attempt does without.
          keepalive: failures % 2 == 0,
          signal: AbortSignal.timeout?.(timeout),
        });
        const { status } = answer;
        retryAfter = +answer.headers.get('retry-after')!; // NaN where it is a date
        if (status == 429 || status >= 500) {
          throw 'status ' + status;
        }
        failures = 0;
        if ((status == 401 || status == 403) && getToken && !asked) {
          asked = true;
          token = undefined;
          putBack(batch);
        } else if ((status == 413 || status == 408) && batch.length > 1) {
          most = batch.length >> 1;
          putBack(batch);
        } else {
          asked = false;
          most *= 2;
          left -= batch.length;
          batch = []; // it is not sent again, whatever is wrong with the answer
          judge(lines, status, await answer.json().catch(() => null));
        }
      } catch (error) {
        putBack(batch);
        if (closed) {
          lost += take(Infinity).length;
          tellLost(error);
        } else {
          await rest(retryAfter, error);
        }
      }
    }
    tellLost();
  };

  const plan = (wait = flushInterval) => {
    if (!running) {
      size = 0;
      clearTimeout(planned);
      planned = timer(run, wait);
    }
  };

  // Sends what waits now. What comes meanwhile waits for others again.
  const run = () => {
    clearTimeout(planned);
    planned = 0;
    return (running ||= drain().then(() => {
      running = undefined;
      if (queue.length) {
        plan();
      }
    }));
  };

  const flush = async () => {
    await running; // which may leave behind what has come since it began
    await run();
  };

  // Sends what waits as beacons, down to a 64th of a batch where the browser takes
  // no larger ones. What it does not take stays.
  const beacon = () => {
    // Without the token they would be refused, and nobody would hear of it.
    for (let space = room; queue.length && space >= room / 64 && !(getToken && token === undefined); ) {
      const batch = cut(space);
      try {
        if (navigator.sendBeacon(address(), bodyOf(batch.map(textOf)))) {
          continue;
        }
      } catch {} // there is none, or the address is bad
      putBack(batch);
      space /= 2;
    }
  };

  // Runs when the page is hidden, the last that is sure to happen to it. What is
  // reported in the same turn, by web-vitals for one, goes out at once as well.
  const leave = (event: Event) => {
    if (event.type == 'pagehide' || document.hidden) {
      leaving = true;
      timer(() => (leaving = false));
      beacon();
    }
  };

  // Node.js has neither listeners nor these events.
  const listeners = new AbortController();
  for (const type of ['visibilitychange', 'pagehide']) {
    globalThis.addEventListener?.(type, leave, listeners);
  }

  return {
    _fail: fail,
    _flush: flush,

    /** Takes a line in, or throws where that cannot be. */
    _push(line: Line, isCount: boolean) {
      const text = textOf(line);
      if (closed || bytes(text) > room) {
        throw `${closed ? 'closed' : 'longer than maxBatch'}: "${text}"`;
      }
      const key = line[0] + line[2];
      const count = isCount && counts.get(key);
      if (count) {
        const sum = +count[1] + +line[1];
        if (Math.abs(sum) < 2 ** 53) {
          count[1] = sum;
          return;
        }
      }
      queue.push(line);
      trim(maxQueue / 8); // now and then: it moves all lines that stay
      if (isCount) {
        counts.set(key, line);
      }
      size += text.length;
      if (leaving) {
        queueMicrotask(beacon);
      }
      if (size >= room) {
        plan(0);
      } else if (!planned) {
        plan();
      }
    },

    /** Sends what waits, gives up what cannot be sent, and stops. */
    async _close() {
      closed = true;
      wake();
      await flush();
      listeners.abort();
    },
  };
};

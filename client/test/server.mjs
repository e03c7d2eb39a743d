// A server that stands for the proxy where a test has to say what it answers.

import { createServer } from 'node:http';
import { once } from 'node:events';

/**
 * Starts a server that gives the answers in turn, and then takes everything. An
 * answer is { status, headers, body }, a function that returns one, or 'cut',
 * which ends the connection; one of status 200 without a body says what the proxy
 * says that has taken all lines. It is closed at the end of the test t.
 */
export async function startServer(t, ...answers) {
  const requests = [];
  const seen = new EventTarget();
  const server = createServer(async (request, response) => {
    const body = [];
    for await (const chunk of request) {
      body.push(chunk);
    }
    const got = { url: request.url, method: request.method, headers: request.headers, body: Buffer.concat(body).toString(), at: performance.now() };
    const next = answers.shift() ?? { status: 200 };
    const answer = typeof next == 'function' ? await next(got) : next;
    requests.push(got);
    if (answer == 'cut') {
      request.socket.destroy();
    } else {
      response.writeHead(answer.status, answer.headers);
      response.end(answer.body ?? (answer.status == 200 ? JSON.stringify({ accepted: got.body.split('\n').length, rejected: [] }) : ''));
    }
    seen.dispatchEvent(new Event('request'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    /** Resolves when count requests were answered. */
    async answered(count) {
      while (requests.length < count) {
        await once(seen, 'request', { signal: AbortSignal.timeout(20_000) });
      }
    },
    /** Returns the lines of all requests. */
    lines: () => requests.flatMap(({ body }) => body.split('\n')),
  };
}

/** Returns an onError that keeps what it is told. */
export function keepErrors() {
  const errors = [];
  return { errors, onError: (error) => errors.push(error) };
}

/** Promise.withResolvers, which Node.js 20 lacks. */
export function withResolvers() {
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}

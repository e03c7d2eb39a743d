// A stand-in for the proxy whose responses the tests choose.

import { createServer } from 'node:http';
import { once } from 'node:events';

/**
 * Starts a server that sends the given responses in turn, and then accepts all
 * batches. A response is { status, headers, body }, a function that returns one, or
 * 'cut', which closes the connection. Status 200 without a body stands for the
 * proxy's response to a batch that it accepted. The server is closed at the end of
 * the test t.
 */
export async function startServer(t, ...responses) {
  const requests = [];
  const seen = new EventTarget();
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const received = { url: request.url, method: request.method, headers: request.headers, body: Buffer.concat(chunks).toString(), at: performance.now() };
    const next = responses.shift() ?? { status: 200 };
    const sent = typeof next == 'function' ? await next(received) : next;
    requests.push(received);
    if (sent == 'cut') {
      request.socket.destroy();
    } else {
      response.writeHead(sent.status, sent.headers);
      response.end(sent.body ?? (sent.status == 200 ? JSON.stringify({ accepted: received.body.split('\n').length, rejected: [] }) : ''));
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
    /** Resolves when the server has responded to count requests. */
    async responded(count) {
      while (requests.length < count) {
        await once(seen, 'request', { signal: AbortSignal.timeout(20_000) });
      }
    },
    /** Returns the lines of all requests. */
    lines: () => requests.flatMap(({ body }) => body.split('\n')),
  };
}

/** Returns an onError that keeps the errors. */
export function keepErrors() {
  const errors = [];
  return { errors, onError: (error) => errors.push(error) };
}

/** Stands in for Promise.withResolvers, which Node.js 20 lacks. */
export function withResolvers() {
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}

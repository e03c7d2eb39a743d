// Tests how the client calls fetch, and what it does if fetch hangs or is missing.
// These tests change globals, so each runs alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatsD } from '../dist/index.js';
import { startServer, withResolvers } from './server.mjs';

const alone = (name, run) => test(name, { timeout: 30_000 }, run);

alone('requests outlive the page except in every second attempt, and carry no cookies', async (t) => {
  const server = await startServer(t, 'cut', 'cut');
  const { fetch } = globalThis;
  const seen = [];
  t.mock.method(globalThis, 'fetch', (url, init) => {
    seen.push([init.keepalive, init.credentials, Object.keys(init.headers ?? {})]);
    return fetch(url, init);
  });
  const client = new StatsD({ url: server.url });
  client.increment('a');
  await client.flush();
  assert.deepEqual(seen, [[true, 'omit', []], [false, 'omit', []], [true, 'omit', []]]);
  assert.equal(server.requests.length, 3);
});

alone('a batch is sent again if the server does not respond', async (t) => {
  const real = AbortSignal.timeout;
  let wait = 100; // of the first request
  t.mock.method(AbortSignal, 'timeout', (normalWait) => {
    const signal = real.call(AbortSignal, wait);
    wait = normalWait;
    return signal;
  });
  const server = await startServer(t, () => new Promise(() => {}));
  const client = new StatsD({ url: server.url });
  client.increment('a');
  await client.flush();
  assert.deepEqual(server.lines(), ['a:1|c']);
});

alone('without fetch, lines stay queued until there is one', async (t) => {
  const server = await startServer(t);
  const { fetch } = globalThis;
  delete globalThis.fetch;
  t.after(() => (globalThis.fetch = fetch));
  const failed = withResolvers();
  const client = new StatsD({ url: server.url, onError: failed.resolve });
  client.increment('a');
  const flushed = client.flush();
  assert.match((await failed.promise).message, /fetch is not defined/);
  globalThis.fetch = fetch;
  await flushed;
  assert.deepEqual(server.lines(), ['a:1|c']);
});

// Tests how the client calls fetch, and what it does if fetch hangs or is missing.
// These tests change globals, so each runs alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatsD } from '../dist/index.js';
import { keepErrors, startServer, withResolvers } from './server.mjs';

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

// With its timers mocked, a test passes time faster than a server could respond, so
// fetch is mocked too.
const mockTime = (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  return async (milliseconds) => {
    for (let passed = 0; passed < milliseconds; passed += 500) {
      t.mock.timers.tick(500);
      await new Promise(setImmediate);
    }
  };
};

alone('the body of every response is read', async (t) => {
  const responses = [];
  t.mock.method(globalThis, 'fetch', async () => {
    const response = new Response('<html>', { status: responses.length < 3 ? 503 : 200 });
    responses.push(response);
    return response;
  });
  const pass = mockTime(t);
  const client = new StatsD({ url: 'https://metrics.example', onError() {} });
  client.increment('a');
  await pass(60_000);
  assert.deepEqual(responses.map(({ bodyUsed }) => bodyUsed), [true, true, true, true]);
});

alone('getToken that never settles fails after 30 seconds, and close reports the loss', async (t) => {
  const pass = mockTime(t);
  const { errors, onError } = keepErrors();
  const getToken = t.mock.fn(() => new Promise(() => {}));
  const client = new StatsD({ url: 'https://metrics.example', onError, getToken });
  client.increment('a');
  await pass(32_000);
  assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['retry', 0]]);
  assert.match(errors[0].message, /^getToken timeout, trying again in \d+ ms$/);
  assert.equal(getToken.mock.callCount(), 2);
  const closed = client.close();
  await pass(31_000);
  await closed;
  assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['retry', 0], ['dropped', 1]]);
});

alone('a batch without a readable response is repeated 8 times', async (t) => {
  const bodies = [];
  t.mock.method(globalThis, 'fetch', async (_, { body }) => {
    bodies.push(body);
    throw new TypeError('Failed to fetch'); // as for a response without the headers of CORS
  });
  const pass = mockTime(t);
  const { errors, onError } = keepErrors();
  const client = new StatsD({ url: 'https://metrics.example', onError });
  client.increment('click');
  await pass(600_000);
  assert.deepEqual(bodies, Array(9).fill('click:1|c'));
  assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [...Array(8).fill(['retry', 0]), ['dropped', 1]]);
});

alone('an outage of a minute loses nothing', async (t) => {
  const bodies = [];
  let isUp = false;
  t.mock.method(globalThis, 'fetch', async (_, { body }) => {
    if (!isUp) {
      throw new TypeError('Failed to fetch');
    }
    bodies.push(body);
    return new Response('{"accepted":1}');
  });
  const pass = mockTime(t);
  const client = new StatsD({ url: 'https://metrics.example', onError() {} });
  client.increment('a');
  await pass(60_000);
  isUp = true;
  await pass(31_000);
  assert.deepEqual(bodies, ['a:1|c']);
});

alone('clients that got the same Retry-After return over half of that time', async (t) => {
  let requests = 0;
  t.mock.method(globalThis, 'fetch', async () => {
    requests++;
    return new Response('', { status: 503, headers: { 'Retry-After': '20' } });
  });
  const pass = mockTime(t);
  for (let i = 0; i < 200; i++) {
    new StatsD({ url: 'https://metrics.example', onError() {} }).increment('a');
  }
  await pass(1000);
  assert.equal(requests, 200);
  await pass(19_000);
  assert.equal(requests, 200);
  await pass(5_000);
  assert(requests > 230 && requests < 370, requests);
  await pass(6_000);
  assert.equal(requests, 400);
});

// Tests what happens when a page is hidden or left, with stand-ins for the page and
// its beacons, which Node.js lacks. test/ does the same in a real browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatsD } from '../dist/index.js';
import { keepErrors, startServer, withResolvers } from './server.mjs';

const hour = 3_600_000; // a flush interval that does not end during a test

// enterPage defines the globals of a page. quota is the total size of the beacons
// that the browser accepts, in bytes.
function enterPage(t, quota = 65536) {
  const page = { beacons: [], quota, listeners: 0 };
  const window = new EventTarget();
  const globals = {
    document: { hidden: false },
    addEventListener(type, call, options) {
      page.listeners++;
      window.addEventListener(type, call, options);
    },
    removeEventListener(type, call, options) {
      page.listeners--;
      window.removeEventListener(type, call, options);
    },
    navigator: {
      onLine: true,
      sendBeacon(url, body) {
        const size = Buffer.byteLength(body);
        if (size > page.quota) {
          return false;
        }
        page.quota -= size;
        page.beacons.push({ url, body });
        return true;
      },
    },
  };
  for (const [name, value] of Object.entries(globals)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
  }
  page.hide = () => {
    globals.document.hidden = true;
    window.dispatchEvent(new Event('visibilitychange'));
  };
  page.show = () => {
    globals.document.hidden = false;
    window.dispatchEvent(new Event('visibilitychange'));
  };
  page.leave = (persisted) => window.dispatchEvent(Object.assign(new Event('pagehide'), { persisted }));
  page.setOnline = (isOnline) => {
    globals.navigator.onLine = isOnline;
    window.dispatchEvent(new Event(isOnline ? 'online' : 'offline'));
  };
  page.dispatch = (type, detail) => window.dispatchEvent(Object.assign(new Event(type), detail));
  page.on = (type, call) => window.addEventListener(type, call);
  page.lines = () => page.beacons.flatMap(({ body }) => body.split('\n'));
  return page;
}

const inPage = (name, run) => test(name, { timeout: 30_000 }, run);

for (const action of ['hide', 'leave']) {
  inPage(`the queue is sent as a beacon: ${action}`, async (t) => {
    const page = enterPage(t);
    const client = new StatsD({ url: 'https://metrics.example', token: 'a+b', flushInterval: hour });
    client.increment('a');
    client.gauge('b', -1);
    page.show();
    assert.deepEqual(page.beacons, []);
    page[action]();
    assert.deepEqual(page.beacons, [{ url: 'https://metrics.example/batch?token=a%2Bb', body: 'a:1|c\nb:0|g\nb:-1|g' }]);
    page[action]();
    assert.equal(page.beacons.length, 1);
    await client.close();
  });
}

inPage('lines queued while the page is being hidden are sent in the same turn', async (t) => {
  const page = enterPage(t);
  const server = await startServer(t);
  const client = new StatsD({ url: server.url, flushInterval: 1 });
  page.on('visibilitychange', () => {
    client.timing('lcp', 1);
    client.timing('cls', 2);
  });
  page.hide();
  await null;
  assert.deepEqual(page.beacons.map(({ body }) => body), ['lcp:1|ms\ncls:2|ms']);
  await new Promise((resolve) => setTimeout(resolve)); // the turn is over
  client.timing('background', 3);
  await server.responded(1);
  assert.deepEqual(server.lines(), ['background:3|ms']);
  await client.close();
});

inPage('beacons are split, and the rest stays queued until the page is shown again', async (t) => {
  const page = enterPage(t, 60_000);
  const server = await startServer(t);
  const client = new StatsD({ url: server.url, flushInterval: hour });
  const expected = [];
  for (let i = 0; i < 9000; i++) {
    client.timing('a', 10_000 + i);
    expected.push(`a:${10_000 + i}|ms`);
  }
  page.hide();
  const sent = page.lines();
  assert(page.quota < 256); // the smallest beacon that the client tries
  for (const { body } of page.beacons) {
    assert(body.length <= 16384);
  }
  page.show();
  await client.flush();
  assert.deepEqual([...sent, ...server.lines()], expected);
  await client.close();
});

inPage('small batches are sent as beacons too', async (t) => {
  const page = enterPage(t);
  const client = new StatsD({ url: 'https://metrics.example', flushInterval: hour, maxBatch: 16 });
  client.timing('a', 1);
  client.timing('a', 2);
  client.timing('a', 3);
  page.hide();
  assert.deepEqual(page.beacons.map(({ body }) => body), ['a:1|ms\na:2|ms', 'a:3|ms']);
  await client.close();
});

inPage('lines of the same turn that fit into no beacon are sent with the next batch', async (t) => {
  const page = enterPage(t, 0);
  const server = await startServer(t);
  const client = new StatsD({ url: server.url, flushInterval: 1 });
  page.on('visibilitychange', () => client.timing('lcp', 1));
  page.hide();
  await server.responded(1);
  assert.deepEqual(page.beacons, []);
  assert.deepEqual(server.lines(), ['lcp:1|ms']);
  await client.close();
});

inPage('a batch in flight is not sent as a beacon, and a batch that waits for its retry is', async (t) => {
  const page = enterPage(t);
  const arrived = withResolvers();
  const release = withResolvers();
  const server = await startServer(t, async () => {
    arrived.resolve();
    await release.promise;
    return { status: 503, headers: { 'Retry-After': '1' } };
  });
  const failed = withResolvers();
  const client = new StatsD({ url: server.url, flushInterval: hour, onError: failed.resolve });
  client.timing('a', 1);
  const flushed = client.flush();
  await arrived.promise;
  client.timing('a', 2);
  page.hide();
  assert.deepEqual(page.lines(), ['a:2|ms']);
  release.resolve();
  assert.equal((await failed.promise).kind, 'retry');
  page.hide();
  assert.deepEqual(page.lines(), ['a:2|ms', 'a:1|ms']);
  await flushed;
  assert.equal(server.requests.length, 1);
  await client.close();
});

inPage('lines wait for the first token, and beacons use the last one', async (t) => {
  const page = enterPage(t);
  const server = await startServer(t);
  const got = withResolvers();
  const client = new StatsD({ url: server.url, flushInterval: hour, getToken: () => got.promise });
  client.timing('a', 1);
  page.hide();
  const flushed = client.flush();
  page.hide();
  assert.deepEqual(page.beacons, []);
  got.resolve('token');
  await flushed;
  assert.deepEqual(server.lines(), ['a:1|ms']);
  client.timing('a', 2);
  page.hide();
  assert.deepEqual(page.beacons, [{ url: `${server.url}/batch?token=token`, body: 'a:2|ms' }]);
  await client.close();
});

inPage('without sendBeacon nothing is lost, and close removes all listeners', async (t) => {
  const page = enterPage(t);
  delete navigator.sendBeacon;
  const server = await startServer(t);
  const client = new StatsD({ url: server.url, flushInterval: hour, maxQueue: 2 });
  client.timing('a', 1);
  page.leave();
  await client.flush();
  assert.deepEqual(server.lines(), ['a:1|ms']);
  assert.equal(page.listeners, 3);
  await client.close();
  assert.equal(page.listeners, 0);
});

inPage('a batch is sent as a beacon if the page is left during an attempt without keepalive', async (t) => {
  const page = enterPage(t);
  const arrived = withResolvers();
  const server = await startServer(t, 'cut', () => {
    arrived.resolve();
    return new Promise(() => {});
  });
  const client = new StatsD({ url: server.url, flushInterval: hour, onError() {} });
  client.timing('a', 1);
  client.flush();
  await arrived.promise;
  page.hide();
  assert.deepEqual(page.lines(), []); // a hidden page lives on, and so does its request
  page.leave(false);
  assert.deepEqual(page.lines(), ['a:1|ms']);
});

inPage('lines that a page cannot send when it is left are reported', async (t) => {
  const page = enterPage(t, 0);
  const { errors, onError } = keepErrors();
  const client = new StatsD({ url: 'https://metrics.example', flushInterval: hour, onError, getToken: () => new Promise(() => {}) });
  client.timing('a', 1);
  client.timing('a', 2);
  page.hide();
  page.leave(true); // it may return
  assert.deepEqual(errors, []);
  page.leave(false);
  assert.deepEqual(errors.map(({ kind, lost, message }) => [kind, lost, message]), [['dropped', 2, 'page left, 2 lost']]);
});

inPage('an offline page keeps its queue, and sends it within a second when it is online again', async (t) => {
  const page = enterPage(t);
  const server = await startServer(t);
  const threeAttempts = withResolvers();
  let attempts = 0;
  const client = new StatsD({
    url: server.url,
    flushInterval: 1,
    onError({ message }) {
      assert.match(message, /^offline, /);
      if (++attempts == 3) {
        threeAttempts.resolve();
      }
    },
  });
  page.setOnline(false);
  for (let i = 0; i < 20; i++) {
    client.timing('a', i);
  }
  const flushed = client.flush();
  page.hide();
  page.show();
  await threeAttempts.promise;
  assert.deepEqual(page.beacons, []);
  assert.equal(server.requests.length, 0);
  page.setOnline(true);
  const start = performance.now();
  await flushed;
  assert(performance.now() - start < 1000);
  assert.equal(server.lines().length, 20);
  await client.close();
});

inPage('online does not end the wait for Retry-After', async (t) => {
  const page = enterPage(t);
  const server = await startServer(t, { status: 503, headers: { 'Retry-After': '2' } });
  const client = new StatsD({ url: server.url, flushInterval: hour, onError: () => page.setOnline(true) });
  client.timing('a', 1);
  await client.flush();
  assert(server.requests[1].at - server.requests[0].at >= 2000);
  await client.close();
});

inPage('listeners get no options, which zone.js could stumble over', async (t) => {
  enterPage(t);
  const added = t.mock.method(globalThis, 'addEventListener');
  await new StatsD({ url: 'https://metrics.example' }).close();
  assert.deepEqual(added.mock.calls.map((call) => call.arguments[2]), [undefined, undefined, undefined]);
});

inPage('errors are counted by kind and name only', async (t) => {
  const page = enterPage(t);
  const { errors } = await import('../dist/browser.js');
  const client = new StatsD({ url: 'https://metrics.example', flushInterval: hour });
  errors(client);
  page.dispatch('error', { error: new TypeError('of user 42') });
  page.dispatch('error', { error: Object.assign(new Error('x'), { name: 'User42Error' }) });
  page.dispatch('error', { error: null });
  page.dispatch('unhandledrejection', { reason: new RangeError('x') });
  page.dispatch('unhandledrejection', { reason: new RangeError('y') });
  page.dispatch('unhandledrejection', { reason: 'text' });
  page.leave();
  assert.deepEqual(page.lines(), [
    'errors,kind=error,name=TypeError:1|c',
    'errors,kind=error,name=other:2|c',
    'errors,kind=rejection,name=RangeError:2|c',
    'errors,kind=rejection,name=other:1|c',
  ]);
  await client.close();
});

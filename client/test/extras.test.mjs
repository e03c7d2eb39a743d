// Tests the functions for pages and the stand-ins for tests. The classic script of
// the extras runs in a context of its own, with stand-ins for page and web-vitals.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';
import { NoopStatsD, RecordingStatsD } from '../dist/testing.js';

// loadExtras returns StatsDExtras in a context with the given globals.
function loadExtras(globals) {
  const context = vm.createContext({ setTimeout, ...globals });
  vm.runInContext(readFileSync(new URL('../dist/statsd-extras.global.js', import.meta.url), 'utf8'), context);
  return context.StatsDExtras;
}

// listen returns addEventListener, and emit, which calls its listeners.
function listen() {
  const listeners = [];
  return {
    addEventListener: (type, call) => listeners.push({ type, call }),
    emit: (type, event) => listeners.filter((listener) => listener.type == type).forEach(({ call }) => call(event)),
  };
}

test('a Web Vital that is reported several times is sent once a page view', () => {
  const calls = {};
  const webVitals = Object.fromEntries(['onCLS', 'onFCP', 'onINP', 'onLCP', 'onTTFB'].map((on) => [on, (call) => (calls[on] = call)]));
  const statsd = new RecordingStatsD();
  loadExtras({ document: {}, webVitals }).webVitals(statsd);
  for (const [id, value] of [['v5-1', 40], ['v5-1', 80], ['v5-1', 120], ['v5-2', 60]]) {
    calls.onINP({ id, name: 'INP', value, rating: 'good' });
  }
  calls.onCLS({ id: 'v5-3', name: 'CLS', value: 0.0123456, rating: 'good' });
  assert.deepEqual(statsd.lines, ['web_vitals.inp,rating=good:40|ms', 'web_vitals.inp,rating=good:60|ms', 'web_vitals.cls,rating=good:12.346|ms']);
});

test('webVitals without the library reports to onError', () => {
  const statsd = new RecordingStatsD();
  loadExtras({ document: {} }).webVitals(statsd);
  assert.deepEqual(statsd.errors.map(({ kind, message }) => [kind, message]), [['invalid', 'bad value "Error: load web-vitals.iife.js first" in web_vitals']]);
});

const navigation = { type: 'navigate', domainLookupStart: 1, domainLookupEnd: 3, loadEventEnd: 50, activationStart: 0 };

for (const [name, prerendering, type] of [['a page', false, 'navigate'], ['a prerendered page', true, 'prerender']]) {
  test(`the navigation of ${name} is sent when it was loaded and shown`, () => {
    const document = Object.assign(listen(), { prerendering, readyState: 'loading' });
    const window = listen();
    const entry = { ...navigation, activationStart: prerendering ? 20 : 0 };
    const sent = [];
    const statsd = { timing: (metric, value, tags) => metric == 'navigation.load' && sent.push([value, { ...tags }]) };
    loadExtras({ document, performance: { getEntriesByType: () => [entry] }, addEventListener: window.addEventListener, setTimeout: (call) => call() }).navigationTiming(statsd);
    window.emit('load');
    document.readyState = 'complete';
    if (prerendering) {
      assert.deepEqual(sent, []);
      document.emit('prerenderingchange');
    }
    assert.deepEqual(sent, [[50, { type }]]);
  });
}

test('a reason that forbids access and notices of ResizeObserver', () => {
  const window = listen();
  const statsd = new RecordingStatsD();
  loadExtras({ document: {}, addEventListener: window.addEventListener }).errors(statsd);
  const foreignWindow = new Proxy({}, { get() { throw new DOMException('Blocked a frame', 'SecurityError'); } });
  window.emit('unhandledrejection', { reason: foreignWindow });
  window.emit('error', { message: 'ResizeObserver loop limit exceeded', error: null });
  window.emit('error', { message: 'ResizeObserver loop completed with undelivered notifications.', error: undefined });
  window.emit('error', { message: 'Script error.', error: null });
  window.emit('error', { message: 'Uncaught', error: Object.assign(new Error(), { name: Symbol('x') }) });
  assert.deepEqual(statsd.lines, ['errors,kind=rejection,name=other:1|c', 'errors,kind=error,name=other:1|c', 'errors,kind=error,name=other:1|c']);
});

test('RecordingStatsD keeps the line of each call and sends nothing', async (t) => {
  const fetched = t.mock.method(globalThis, 'fetch');
  const statsd = new RecordingStatsD({ prefix: 'shop', tags: { env: 'test' }, sampleRate: 0.0001 });
  statsd.increment('a');
  statsd.increment('a');
  statsd.child({ prefix: 'cart' }).gauge('b', -1);
  statsd.timing('c', NaN);
  await statsd.flush();
  assert.deepEqual(statsd.lines, ['shop.a,env=test:1|c|@0.0001', 'shop.a,env=test:1|c|@0.0001', 'shop.cart.b,env=test:0|g', 'shop.cart.b,env=test:-1|g']);
  assert.deepEqual(statsd.errors.map(({ metric, key }) => [metric, key]), [['c', 'value']]);
  statsd.clear();
  assert.deepEqual([statsd.lines, statsd.errors], [[], []]);
  await statsd.close();
  assert.equal(fetched.mock.callCount(), 0);
});

test('NoopStatsD has the methods of a client', async () => {
  const noop = new NoopStatsD();
  for (const method of ['increment', 'decrement', 'count', 'gauge', 'gaugeDelta', 'timing', 'set', 'histogram', 'distribution', 'flush', 'close']) {
    noop.child()[method]('a', 1);
  }
  assert.equal(noop.time('a', () => 1), 1);
  assert.equal(await noop.time('a', async () => 2), 2);
});

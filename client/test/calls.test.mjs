// Tests the methods of a client beyond the cases in test/vectors.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { StatsD } from '../dist/index.js';
import { keepErrors, startServer } from './server.mjs';

test('time returns the result of a function and passes on its error', async (t) => {
  const server = await startServer(t);
  const client = new StatsD({ url: server.url, tags: { env: 'prod' } });
  const oops = new Error('oops');
  assert.equal(client.time('sync', () => 1), 1);
  assert.throws(() => client.time('sync', () => { throw oops; }, { page: 'home' }), oops);
  assert.equal(await client.time('async', async () => 2), 2);
  await assert.rejects(client.time('async', async () => { throw oops; }, 1, { page: 'home' }), oops);
  assert.equal(await client.time('promise', Promise.resolve(3)), 3);
  assert.equal(client.time('value', 4), 4);
  await client.close();
  const heads = server.lines().map((line) => /^(.*):\d+(\.\d{1,3})?\|ms$/.exec(line)?.[1] ?? line);
  assert.deepEqual(heads.sort(), ['async,env=prod', 'async,page=home,env=prod', 'promise,env=prod', 'sync,env=prod', 'sync,page=home,env=prod', 'value,env=prod']);
});

test('time measures until a promise settles', async (t) => {
  const server = await startServer(t);
  const client = new StatsD({ url: server.url });
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  const result = client.time('a', new Promise((resolve) => setTimeout(() => resolve((now = 1012.3456))))); 
  await result;
  t.mock.restoreAll();
  await client.close();
  assert.deepEqual(server.lines(), ['a:12.346|ms']);
});

test('time calls then of a thenable once, and returns a promise', async (t) => {
  const server = await startServer(t);
  const client = new StatsD({ url: server.url });
  const called = [];
  const query = (name, run) => ({
    then(...handlers) {
      called.push(name);
      run(...handlers);
    },
  });
  const oops = new Error('oops');
  assert.equal(await client.time('a', query('plain', (done) => done(5))), 5);
  assert.equal(await client.time('a', () => query('function', (done) => done(6))), 6);
  await assert.rejects(client.time('a', query('failure', (_, fail) => fail(oops))), oops);
  assert.deepEqual(called, ['plain', 'function', 'failure']);
  await client.close();
  assert.equal(server.lines().length, 3);
});

test('timing records the time since a Date', async (t) => {
  const server = await startServer(t);
  const { errors, onError } = keepErrors();
  const client = new StatsD({ url: server.url, onError });
  t.mock.method(Date, 'now', () => 5000);
  client.timing('a', new Date(4680));
  client.timing('a', new Date(5001));
  client.timing('a', new Date(NaN));
  await client.close();
  assert.deepEqual(server.lines(), ['a:320|ms']);
  assert.deepEqual(errors.map(({ message }) => message), ['bad value "-1" in a', 'bad value "NaN" in a']);
});

test('a child shares queue and settings', async (t) => {
  const server = await startServer(t);
  const client = new StatsD({ url: server.url, prefix: 'shop.', tags: { env: 'prod', part: 'all' } });
  const cart = client.child({ prefix: 'cart.', tags: { part: 'cart' } });
  client.increment('a');
  cart.increment('a');
  cart.child({ tags: { step: 1 } }).increment('a', { part: 'pay' });
  cart.child({}).increment('a');
  cart.child(null).increment('a');
  await cart.close();
  assert.equal(server.requests.length, 1);
  assert.deepEqual(server.lines(), [
    'shop.a,env=prod,part=all:1|c',
    'shop.cart.a,env=prod,part=cart:3|c',
    'shop.cart.a,part=pay,env=prod,step=1:1|c',
  ]);
});

test('sampling leaves out calls', async (t) => {
  const server = await startServer(t);
  const client = new StatsD({ url: server.url, sampleRate: 0.5 });
  let random = 0.49;
  t.mock.method(Math, 'random', () => random);
  client.timing('a', 1);
  random = 0.5;
  client.timing('a', 2);
  client.timing('a', 3, 0.6);
  client.gauge('a', 4);
  client.set('a', 5);
  random = 0.999;
  client.timing('a', 6, 1);
  await client.close();
  assert.deepEqual(server.lines(), ['a:1|ms|@0.5', 'a:3|ms|@0.6', 'a:4|g', 'a:5|s', 'a:6|ms']);
});

test('a rejection that nobody handles stays unhandled', { timeout: 30_000 }, async (t) => {
  const server = await startServer(t);
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', `
    import { StatsD } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url))};
    const client = new StatsD({ url: ${JSON.stringify(server.url)} });
    process.on('unhandledRejection', (error) => console.log('unhandled', error.message));
    client.time('load', async () => { throw new Error('oops'); });`], { timeout: 20_000 });
  assert.equal((await run).stdout, 'unhandled oops\n');
});

test('a prefix and a name are joined with a dot, by the rule of --metric-prefix', async (t) => {
  const server = await startServer(t);
  for (const [prefix, name] of [['shop', 'shop.a'], ['shop.', 'shop.a'], ['shop9', 'shop9.a'], ['shop_', 'shop_a'], ['caf\u00e9', 'caf\u00e9.a'], ['', 'a'], [null, 'a']]) {
    const client = new StatsD({ url: server.url, prefix });
    client.increment('a');
    client.child({ prefix: 'cart' }).increment('a');
    await client.close();
    assert.deepEqual(server.requests.splice(0)[0].body.split('\n'), [`${name}:1|c`, `${name.slice(0, -1)}cart.a:1|c`]);
  }
});

test('a tag without a value is left out', async (t) => {
  const server = await startServer(t);
  const client = new StatsD({ url: server.url, tags: { env: 'prod', region: '' } });
  client.increment('a', { referrer: '', page: 'home' });
  client.increment('b', { env: '' });
  await client.close();
  assert.deepEqual(server.lines(), ['a,page=home,env=prod:1|c', 'b:1|c']);
});

test('a client whose maxQueue is no number does not send empty batches', async (t) => {
  const server = await startServer(t);
  const client = new StatsD({ url: server.url, maxQueue: 'big' });
  client.increment('a');
  await client.close();
  assert.deepEqual(server.requests.map(({ body }) => body), ['a:1|c']);
});

for (const [name, options, key, value] of [
  ['nothing', undefined, 'url', undefined],
  ['null', null, 'url', undefined],
  ['a string', 'https://metrics.example', 'url', undefined],
  ['no url', {}, 'url', undefined],
  ['an empty url', { url: '' }, 'url', ''],
  ['a relative url', { url: '/metrics' }, 'url', '/metrics'],
  ['a url without a scheme', { url: 'metrics.example:8825' }, 'url', 'metrics.example:8825'],
  ['a url with another scheme', { url: 'ws://metrics.example' }, 'url', 'ws://metrics.example'],
  ['a malformed url', { url: 'https://[::1' }, undefined, undefined],
  ['a bad port', { url: 'https://metrics.example:99999' }, undefined, undefined],
  ['a sample rate above 1', { url: 'https://metrics.example', sampleRate: 2 }, 'sampleRate', 2],
  ['a bad prefix', { url: 'https://metrics.example', prefix: 'a:' }, 'name', 'a:a'],
  ['bad tags', { url: 'https://metrics.example', tags: { env: 'a,b' } }, 'env', 'a,b'],
  ['an unknown option', { url: 'https://metrics.example', maxQueu: 5 }, 'option', 'maxQueu'],
]) {
  test(`the constructor reports ${name} at once`, async (t) => {
    const logged = t.mock.method(console, 'error', () => {});
    const fetched = t.mock.method(globalThis, 'fetch', async () => new Response('{"accepted":1}'));
    const client = new StatsD(options);
    assert.equal(logged.mock.callCount(), 1);
    client.increment('a');
    await client.close();
    assert.equal(fetched.mock.callCount(), key == 'option' ? 1 : 0);
    if (typeof options == 'object') {
      const { errors, onError } = keepErrors();
      const other = new StatsD({ ...options, onError });
      assert.equal(logged.mock.callCount(), key == 'option' ? 2 : 3); // without onError, the call was logged too
      assert.deepEqual(errors.map(({ kind, lost, key, value }) => [kind, lost, key, value]), [['invalid', 0, key, value]]);
      await other.close();
    }
  });
}

test('an error of a call names the metric, the key and the value', () => {
  const { errors, onError } = keepErrors();
  const client = new StatsD({ url: 'https://metrics.example', prefix: 'shop', onError });
  client.increment('clicks', { page: 'a:b' });
  client.timing('load', -1);
  client.gauge('g', 1, 0.5);
  client.increment('a|b');
  client.increment('c', { 'a|b': 1 });
  assert.deepEqual(
    errors.map(({ metric, key, value, message }) => [metric, key, value, message]),
    [
      ['clicks', 'page', 'a:b', 'bad page "a:b" in clicks'],
      ['load', 'value', -1, 'bad value "-1" in load'],
      ['g', 'sampleRate', 0.5, 'bad sampleRate "0.5" in g'],
      ['a|b', 'name', 'shop.a|b', 'bad name "shop.a|b" in a|b'],
      ['c', 'tag', 'a|b', 'bad tag "a|b" in c'],
    ],
  );
});

test('without onError, the first error of each kind is logged', async (t) => {
  const logged = t.mock.method(console, 'error', () => {});
  const server = await startServer(t, { status: 404 }, { status: 404 });
  const client = new StatsD({ url: server.url });
  client.increment('', 1);
  client.increment('', 2);
  client.increment('a');
  await client.flush();
  client.increment('a');
  await client.close();
  assert.deepEqual(logged.mock.calls.map(({ arguments: [{ kind }] }) => kind), ['invalid', 'refused']);
});

test('debug logs each line and each response', async (t) => {
  const logged = t.mock.method(console, 'debug', () => {});
  const server = await startServer(t);
  const client = new StatsD({ url: server.url, debug: true });
  client.increment('a');
  client.timing('b', 5);
  await client.close();
  assert.deepEqual(logged.mock.calls.map((call) => call.arguments), [['a:1|c'], ['b:5|ms'], [200, { accepted: 2, rejected: [] }]]);
});

test('a rejection of an async onError is ignored', { timeout: 30_000 }, async () => {
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', `
    import { StatsD } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url))};
    new StatsD({ url: 'http://127.0.0.1:9', onError: async () => { throw new Error('of the page'); } }).increment('');`], { timeout: 20_000 });
});

test('bad arguments are reported and never thrown', async (t) => {
  const server = await startServer(t);
  const hostile = { toString() { throw new Error('hostile'); }, valueOf() { throw new Error('hostile'); } };
  const oddValues = [undefined, null, NaN, '', '5', true, Symbol('x'), 10n, {}, [], () => {}, hostile, Object.create(null)];
  let reported = 0;
  const client = new StatsD({
    url: server.url,
    onError() {
      reported++;
      throw new Error('of the page');
    },
  });
  for (const method of ['increment', 'decrement', 'count', 'gauge', 'gaugeDelta', 'timing', 'set', 'histogram', 'distribution']) {
    for (const x of oddValues) {
      client[method](x, 1);
      client[method]('a', x);
      client[method]('a', 1, x);
      client[method]('a', 1, 1, x);
      client[method]('a', 1, { x });
      client[method]('a', 1, { [typeof x == 'symbol' ? 'x' : 'key']: x });
    }
  }
  client.child().increment('a');
  await new StatsD().close();
  assert(reported > 200);
  await client.close();
  for (const line of server.lines()) {
    assert.match(line, /^[^:|]+:[^:|]+\|(c|g|ms|s|h|d)$/);
  }
});

test('onError may call the client, and gets no errors of those calls', async (t) => {
  const server = await startServer(t);
  const onError = t.mock.fn(({ kind }) => {
    client.increment('errors', { kind });
    client.increment('errors', { kind: ':' });
    client.increment('');
  });
  const client = new StatsD({ url: server.url, onError });
  client.increment('', 1);
  client.increment('', 2);
  await client.close();
  assert.deepEqual(server.lines(), ['errors,kind=invalid:2|c']);
  client.increment('a');
  assert.equal(onError.mock.callCount(), 3);
});

test('functions for pages do nothing on a server', async (t) => {
  const { errors, navigationTiming } = await import('../dist/browser.js');
  const { webVitals } = await import('../dist/web-vitals.js');
  const server = await startServer(t);
  const client = new StatsD({ url: server.url });
  errors(client);
  navigationTiming(client);
  webVitals(client);
  await client.close();
  assert.deepEqual(server.requests, []);
});

test('timers do not keep a process alive, and close sends', { timeout: 30_000 }, async (t) => {
  const server = await startServer(t);
  const run = (code) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', `
      import { StatsD } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url))};
      const client = new StatsD({ url: ${JSON.stringify(server.url)}, flushInterval: 60_000 });
      client.increment('a');
      ${code}`], { timeout: 20_000 });
  await run('');
  assert.deepEqual(server.requests, []);
  await run('await client.close();');
  assert.deepEqual(server.lines(), ['a:1|c']);
});

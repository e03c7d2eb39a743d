// Tests delivery against a server whose responses each test chooses.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StatsD } from '../dist/index.js';
import { keepErrors, startServer, withResolvers } from './server.mjs';

const hour = 3_600_000; // a flush interval that does not end during a test

const deliver = (name, run) => test(name, { timeout: 30_000 }, run);

// These tests mostly wait, so they run side by side.
describe('delivery', { concurrency: true }, () => {
  deliver('a batch is a simple POST that needs no preflight', async (t) => {
    const server = await startServer(t);
    const client = new StatsD({ url: `${server.url}/metrics//`, token: 'a.b+c/=' });
    client.increment('a');
    client.timing('b', 5);
    await client.flush();
    assert.equal(server.requests.length, 1);
    const [{ method, url, headers, body }] = server.requests;
    assert.equal(method, 'POST');
    assert.equal(url, '/metrics/batch?token=a.b%2Bc%2F%3D');
    assert.equal(headers['content-type'], 'text/plain;charset=UTF-8');
    assert.equal(headers['x-jwt-token'], undefined);
    assert.equal(headers.authorization, undefined);
    assert.equal(body, 'a:1|c\nb:5|ms');
  });

  deliver('lines of one interval share a batch', async (t) => {
    const server = await startServer(t);
    const client = new StatsD({ url: server.url, flushInterval: 50 });
    client.gauge('a', 1);
    client.gauge('a', 2);
    assert.equal(server.requests.length, 0);
    await server.responded(1);
    client.gauge('a', 3);
    await server.responded(2);
    assert.deepEqual(server.requests.map(({ body }) => body), ['a:1|g\na:2|g', 'a:3|g']);
  });

  deliver('a full batch is sent before the interval ends', async (t) => {
    const server = await startServer(t);
    const client = new StatsD({ url: server.url, flushInterval: hour, maxBatch: 100 });
    for (let i = 0; i < 20; i++) {
      client.gauge('some.name', i);
    }
    await server.responded(4); // 6 lines are 95 bytes
    assert.equal(server.lines().length, 20);
  });

  deliver('batches are split by size, and the lines of a negative gauge stay together', async (t) => {
    const server = await startServer(t);
    const { errors, onError } = keepErrors();
    const client = new StatsD({ url: server.url, flushInterval: hour, maxBatch: 64, onError });
    for (let i = 0; i < 9; i++) {
      client.gauge('üüüüüüü', -1000 - i); // 2 lines of 16 + 4 and 16 + 8 bytes
    }
    client.set('a', 'x'.repeat(60)); // 64 bytes
    client.set('a', 'x'.repeat(61));
    await client.close();
    for (const { body } of server.requests) {
      assert(Buffer.byteLength(body) <= 64);
    }
    assert.equal(server.requests.length, 10);
    assert.equal(server.requests[8].body, 'üüüüüüü:0|g\nüüüüüüü:-1008|g');
    assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['invalid', 1]]);
  });

  deliver('a body is never larger than keepalive allows', async (t) => {
    const server = await startServer(t);
    const client = new StatsD({ url: server.url, flushInterval: hour, maxBatch: 1e9 });
    for (let i = 0; i < 3000; i++) {
      client.set('users', 'x'.repeat(40) + i);
    }
    await client.close();
    assert.equal(server.lines().length, 3000);
    for (const { body } of server.requests) {
      assert(body.length <= 61440);
    }
  });

  deliver('equal counts are added up exactly', async (t) => {
    const server = await startServer(t);
    const client = new StatsD({ url: server.url, flushInterval: hour });
    for (let i = 0; i < 10_000; i++) {
      client.increment('a');
      client.increment('a', 2, 0.9999999999);
      client.increment('a', { env: 'prod' });
      client.decrement('b');
    }
    client.increment('c', 2 ** 53);
    client.increment('c', 1);
    await client.close();
    const sum = (line) => /(.*):(.*)\|c(.*)/.exec(line).slice(1);
    assert.deepEqual(
      server.lines().map(sum).map(([name, value, rate]) => [name, +value, rate]),
      [
        ['a', 10_000, ''],
        ['a', 20_000, '|@0.9999999999'],
        ['a,env=prod', 10_000, ''],
        ['b', -10_000, ''],
        ['c', 2 ** 53, ''],
        ['c', 1, ''],
      ],
    );
  });

  deliver('10,000 different lines arrive in order', async (t) => {
    const server = await startServer(t);
    const client = new StatsD({ url: server.url, flushInterval: hour });
    for (let i = 0; i < 10_000; i++) {
      client.timing('a', i);
    }
    await client.close();
    assert.deepEqual(server.lines(), Array.from({ length: 10_000 }, (_, i) => `a:${i}|ms`));
  });

  deliver('a full queue drops its oldest lines, and onError is called', async (t) => {
    const server = await startServer(t);
    const { errors, onError } = keepErrors();
    const client = new StatsD({ url: server.url, flushInterval: hour, maxQueue: 10, onError });
    client.increment('first');
    for (let i = 0; i < 24; i++) {
      client.timing('a', i);
    }
    client.increment('first'); // whose line was dropped
    await client.close();
    assert.deepEqual(server.lines(), [...Array.from({ length: 9 }, (_, i) => `a:${15 + i}|ms`), 'first:1|c']);
    assert.deepEqual(errors.map(({ kind, lost, message }) => [kind, lost, message]), [['dropped', 16, 'queue full, 16 lost']]);
  });

  deliver('a full queue still adds up counts', async (t) => {
    const server = await startServer(t);
    const { errors, onError } = keepErrors();
    const client = new StatsD({ url: server.url, flushInterval: hour, maxQueue: 80, onError });
    for (let i = 0; i < 80; i++) {
      client.timing('a', i);
    }
    for (let i = 80; i < 88; i++) {
      client.timing('a', i);
      client.increment('b');
    }
    await client.close();
    const expected = Array.from({ length: 79 }, (_, i) => `a:${9 + i}|ms`);
    expected.splice(-7, 0, 'b:8|c');
    assert.deepEqual(server.lines(), expected);
    assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['dropped', 9]]);
  });

  deliver('the queue stays bounded', async (t) => {
    const server = await startServer(t);
    const { errors, onError } = keepErrors();
    const client = new StatsD({ url: server.url, flushInterval: hour, maxQueue: 80, onError });
    client.increment('first'); // is dropped before the last call
    for (let i = 0; i < 90; i++) {
      client.timing('a', i);
    }
    client.increment('first');
    await client.close();
    assert.deepEqual(server.lines(), [...Array.from({ length: 79 }, (_, i) => `a:${11 + i}|ms`), 'first:1|c']);
    assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['dropped', 12]]);
  });

  deliver('the queue is bounded in bytes too', async (t) => {
    const server = await startServer(t);
    const { errors, onError } = keepErrors();
    const client = new StatsD({ url: server.url, flushInterval: hour, maxQueueBytes: 1000, maxBatch: 2000, onError });
    for (let i = 0; i < 100; i++) {
      client.set('a', `${i}`.padStart(94, '\u00fc')); // 191 bytes with the line feed, or 190
    }
    await client.flush();
    assert.deepEqual(server.lines().map((line) => line.slice(-4)), ['95|s', '96|s', '97|s', '98|s', '99|s']);
    client.gauge('a', 1);
    client.set('a', 'x'.repeat(995)); // 1000 bytes with its line feed
    client.set('a', 'x'.repeat(996));
    await client.close();
    assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['dropped', 95], ['invalid', 1], ['dropped', 1]]);
    assert.equal(errors[1].key, 'length');
    assert.equal(server.lines().at(-1).length, 999);
  });

  deliver('the default queue holds 1 MiB', async (t) => {
    const server = await startServer(t);
    const { errors, onError } = keepErrors();
    const client = new StatsD({ url: server.url, flushInterval: hour, onError });
    for (let i = 0; i < 20_000; i++) {
      client.set('a', `${i}`.padStart(15_000, 'x'));
    }
    await client.close();
    const bytes = server.lines().reduce((sum, line) => sum + line.length + 1, 0);
    assert(bytes <= 1 << 20 && bytes > 1_000_000, bytes);
    assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['dropped', 20_000 - server.lines().length]]);
    assert.equal(server.lines().at(-1).slice(-8), '19999|s'.padStart(8, 'x'));
  });

  deliver('a batch that returns to a full queue is still the oldest', async (t) => {
    const arrived = withResolvers();
    const release = withResolvers();
    const server = await startServer(t, async () => {
      arrived.resolve();
      await release.promise;
      return 'cut';
    });
    const { errors, onError } = keepErrors();
    const client = new StatsD({ url: server.url, flushInterval: hour, maxQueue: 3, onError });
    client.timing('a', 1);
    client.timing('a', 2);
    const flushed = client.flush();
    await arrived.promise;
    client.timing('a', 3);
    client.timing('a', 4);
    release.resolve();
    await flushed;
    assert.deepEqual(server.requests.map(({ body }) => body), ['a:1|ms\na:2|ms', 'a:2|ms\na:3|ms\na:4|ms']);
    assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['retry', 0], ['dropped', 1]]);
    await client.close();
  });

  deliver('one request is in flight at a time, and lines queued meanwhile are not lost', async (t) => {
    const release = withResolvers();
    const arrived = withResolvers();
    const server = await startServer(t, async () => {
      arrived.resolve();
      await release.promise;
      return { status: 200 };
    });
    const client = new StatsD({ url: server.url, flushInterval: 1 });
    client.increment('a');
    const flushed = client.flush();
    await arrived.promise;
    client.increment('a');
    client.increment('a');
    const again = client.flush();
    release.resolve();
    await flushed;
    await again;
    assert.deepEqual(server.requests.map(({ body }) => body), ['a:1|c', 'a:2|c']);
  });

  for (const [name, response] of Object.entries({
    'a connection that is cut': 'cut',
    'a 502 from a server in front': { status: 502, body: '<html>' },
    'a 500': { status: 500 },
  })) {
    deliver(`the batch is sent again after ${name}`, async (t) => {
      const server = await startServer(t, response, response);
      const { errors, onError } = keepErrors();
      const client = new StatsD({ url: server.url, onError });
      client.gauge('a', 1);
      client.gauge('a', 2);
      const flushed = client.flush();
      await server.responded(1);
      client.gauge('a', 3);
      await flushed;
      await client.close();
      assert.deepEqual(server.requests.map(({ body }) => body), ['a:1|g\na:2|g', 'a:1|g\na:2|g\na:3|g', 'a:1|g\na:2|g\na:3|g']);
      assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['retry', 0], ['retry', 0]]);
    });
  }

  for (const status of [429, 503]) {
    deliver(`after ${status} nothing is sent before Retry-After has passed`, async (t) => {
      const server = await startServer(t, { status, headers: { 'Retry-After': '2' } });
      const client = new StatsD({ url: server.url, flushInterval: 1 });
      client.increment('a');
      const flushed = client.flush();
      await server.responded(1);
      client.increment('b');
      await flushed;
      assert.deepEqual(server.requests.map(({ body }) => body), ['a:1|c', 'a:1|c\nb:1|c']);
      assert(server.requests[1].at - server.requests[0].at >= 2000);
    });
  }

  for (const value of ['Wed, 21 Oct 2115 07:28:00 GMT', '-100', '-Infinity', '']) {
    deliver(`a Retry-After that is no number of seconds is ignored: "${value}"`, async (t) => {
      const server = await startServer(t, { status: 503, headers: { 'Retry-After': value } });
      const client = new StatsD({ url: server.url });
      client.increment('a');
      await client.flush();
      assert.equal(server.requests.length, 2);
      assert(server.requests[1].at - server.requests[0].at >= 490); // half a second, as a timer counts it
    });
  }

  for (const value of ['99999999999', 'Infinity']) {
    deliver(`a Retry-After beyond an hour counts as an hour: ${value}`, async (t) => {
      const server = await startServer(t, { status: 503, headers: { 'Retry-After': value } });
      const reported = withResolvers();
      const client = new StatsD({ url: server.url, onError: reported.resolve });
      client.increment('a');
      const flushed = client.flush();
      const wait = / (\d+) ms$/.exec((await reported.promise).message)[1];
      assert(wait >= 3_600_000 && wait <= 5_400_000, wait); // with jitter of up to half
      await client.close();
      await flushed;
    });
  }

  for (const status of [200, 400]) {
    deliver(`lines that the proxy rejects with ${status} are reported and not sent again`, async (t) => {
      const accepted = status == 200 ? 2 : 0;
      const rejected = [{ index: 1, error: 'not like this' }, { index: 3, error: 'nor this' }];
      const server = await startServer(t, { status, body: JSON.stringify({ accepted, rejected }) });
      const { errors, onError } = keepErrors();
      const client = new StatsD({ url: server.url, onError });
      client.gauge('[a', -1);
      client.gauge('b', 1);
      client.gauge('c', 1);
      await client.close();
      assert.equal(server.requests.length, 1);
      assert.equal(server.requests[0].body, '\xa0\n[a:0|g\n[a:-1|g\nb:1|g\nc:1|g');
      assert.deepEqual(
        errors.map(({ kind, lost, message }) => [kind, lost, message]),
        [['rejected', 4 - accepted, '[a:-1|g: not like this\nc:1|g: nor this']],
      );
    });
  }

  for (const [status, body, message] of [
    [400, '{"error":"the batch is empty"}', 'status 400: the batch is empty'],
    [404, '<html>', 'status 404: undefined'],
    [415, 'null', 'status 415: undefined'],
    [403, '{"error":"the token is malformed"}', 'status 403: the token is malformed'],
    [200, '<html>', 'status 200: undefined'],
    [200, '', 'status 200: undefined'],
  ]) {
    deliver(`a batch that is refused with ${status} is not sent again`, async (t) => {
      const server = await startServer(t, { status, body });
      const { errors, onError } = keepErrors();
      const client = new StatsD({ url: server.url, onError });
      client.increment('a');
      client.increment('b');
      await client.flush();
      client.increment('c');
      await client.close();
      assert.deepEqual(server.requests.map(({ body }) => body), ['a:1|c\nb:1|c', 'c:1|c']);
      assert.deepEqual(errors.map(({ kind, lost, message }) => [kind, lost, message]), [['refused', 2, message]]);
    });
  }

  deliver('the page that a redirect leads to does not count as a response of the proxy', async (t) => {
    const server = await startServer(t, { status: 302, headers: { Location: '/login' } }, { status: 200, body: '<html>' });
    const { errors, onError } = keepErrors();
    const client = new StatsD({ url: server.url, onError });
    client.increment('a');
    await client.close();
    assert.deepEqual(server.requests.map(({ url }) => url), ['/batch', '/login']);
    assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['refused', 1]]);
  });

  for (const body of ['{"accepted":1,"rejected":[null]}', '{"accepted":1,"rejected":{"length":1}}', '{"error":{"toString":1}}', '[1]', '"text"', '{']) {
    deliver(`a batch is not sent again after a broken response: ${body}`, async (t) => {
      const server = await startServer(t, { status: 200, body });
      const client = new StatsD({ url: server.url });
      client.increment('a');
      await client.flush();
      client.increment('b');
      await client.close();
      assert.deepEqual(server.lines(), ['a:1|c', 'b:1|c']);
    });
  }

  for (const status of [401, 403]) {
    deliver(`getToken is called again once after ${status}`, async (t) => {
      const server = await startServer(t, { status }, undefined, { status }, { status });
      const { errors, onError } = keepErrors();
      const calls = [];
      const client = new StatsD({
        url: server.url,
        onError,
        getToken: async (isRefused) => {
          calls.push(isRefused);
          return `token${calls.length}`;
        },
      });
      client.increment('a');
      await client.flush();
      client.increment('b'); // refused twice
      await client.flush();
      client.increment('c');
      await client.close();
      assert.deepEqual(
        server.requests.map(({ url, body }) => `${url} ${body}`),
        [
          '/batch?token=token1 a:1|c',
          '/batch?token=token2 a:1|c',
          '/batch?token=token2 b:1|c',
          '/batch?token=token3 b:1|c',
          '/batch?token=token3 c:1|c',
        ],
      );
      assert.deepEqual(calls, [false, true, true]);
      assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['refused', 1]]);
    });
  }

  deliver('getToken is called again after it failed', async (t) => {
    const server = await startServer(t);
    const { errors, onError } = keepErrors();
    let fails = 1;
    const client = new StatsD({
      url: server.url,
      onError,
      getToken() {
        if (fails-- > 0) {
          throw new Error('no token today');
        }
        return undefined; // no token is needed after all
      },
    });
    client.increment('a');
    await client.flush();
    assert.deepEqual(server.requests.map(({ url, body }) => `${url} ${body}`), ['/batch a:1|c']);
    assert.equal(errors.length, 1);
    assert.match(errors[0].message, /^no token today, trying again in \d+ ms$/);
  });

  for (const thrown of [undefined, Symbol('x'), Object.create(null)]) {
    deliver(`getToken may throw anything: ${typeof thrown}`, async (t) => {
      const server = await startServer(t);
      const getToken = t.mock.fn(() => 'token', () => { throw thrown; }, { times: 1 });
      const client = new StatsD({ url: server.url, getToken });
      client.increment('a');
      await client.flush();
      assert.deepEqual(server.requests.map(({ url, body }) => `${url} ${body}`), ['/batch?token=token a:1|c']);
    });
  }

  for (const status of [408, 413]) {
    deliver(`a batch that is refused with ${status} is halved until it is accepted`, async (t) => {
      const limit = ({ body }) => ({ status: body.split('\n').length > 3 || body.includes('giant') ? status : 200 });
      const server = await startServer(t, ...Array(100).fill(limit));
      const { errors, onError } = keepErrors();
      const client = new StatsD({ url: server.url, onError });
      for (let i = 0; i < 20; i++) {
        client.timing(i == 7 ? 'giant' : 'a', i);
      }
      await client.close();
      const accepted = server.requests.filter((got) => limit(got).status == 200).flatMap(({ body }) => body.split('\n'));
      assert.deepEqual(accepted, Array.from({ length: 20 }, (_, i) => `a:${i}|ms`).filter((_, i) => i != 7));
      assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['refused', 1]]);
    });
  }

  deliver('batches grow again after a batch was too large', async (t) => {
    const server = await startServer(t, { status: 413 }, { status: 413 });
    const client = new StatsD({ url: server.url });
    for (let i = 0; i < 16; i++) {
      client.timing('a', i);
    }
    await client.close();
    assert.deepEqual(server.requests.map(({ body }) => body.split('\n').length), [16, 8, 4, 8, 4]);
  });

  deliver('close tries once to send the queue, and drops the rest', async (t) => {
    const server = await startServer(t, { status: 503, headers: { 'Retry-After': '3600' } }, 'cut');
    const errors = [];
    const reported = withResolvers();
    const onError = (error) => reported.resolve(errors.push(error));
    const client = new StatsD({ url: server.url, flushInterval: hour, onError, maxBatch: 10 });
    client.increment('a');
    client.increment('b');
    const flushed = client.flush();
    await reported.promise;
    await client.close();
    await flushed;
    client.increment('c');
    await client.flush();
    await client.close();
    assert.deepEqual(server.requests.map(({ body }) => body), ['a:1|c', 'a:1|c']);
    assert.deepEqual(errors.map(({ kind, lost }) => [kind, lost]), [['retry', 0], ['dropped', 2], ['invalid', 1]]);
  });

  deliver('getToken is called before there is a line, and the first lines follow the token at once', async (t) => {
    const server = await startServer(t);
    const called = withResolvers();
    const token = withResolvers();
    const client = new StatsD({
      url: server.url,
      flushInterval: hour,
      getToken() {
        called.resolve();
        return token.promise;
      },
    });
    await called.promise;
    client.increment('a');
    token.resolve(' token\n');
    await server.responded(1);
    assert.deepEqual(server.requests.map(({ url, body }) => `${url} ${body}`), ['/batch?token=token a:1|c']);
    await client.close();
  });

  deliver('blanks around a token are ignored', async (t) => {
    const server = await startServer(t);
    const client = new StatsD({ url: server.url, token: '\ttoken \n' });
    client.increment('a');
    await client.close();
    assert.equal(server.requests[0].url, '/batch?token=token');
  });
});

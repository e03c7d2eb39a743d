// Runs the cases that client and proxy share. internal/decode/vectors_test.go runs
// them on the proxy.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { StatsD } from '../dist/index.js';
import { keepErrors, startServer } from './server.mjs';

const folder = new URL('../../test/vectors/', import.meta.url);

// JSON cannot write these numbers, so the cases have them as text.
const nonFinite = { NaN, Infinity, '-Infinity': -Infinity };

for (const file of readdirSync(folder)) {
  test(file, { timeout: 60_000 }, async (t) => {
    t.mock.method(console, 'error', () => {});
    t.mock.method(Math, 'random', () => 0); // sampling leaves out nothing
    const server = await startServer(t);
    const vectors = JSON.parse(readFileSync(new URL(file, folder)));
    assert(vectors.length > 0);
    for (const { call, lines = [], refused = false, prefix, tags, sampleRate } of vectors) {
      const { errors, onError } = keepErrors();
      const client = new StatsD({ url: server.url, onError, prefix, tags, sampleRate });
      const [method, name, ...rest] = call;
      const args = method == 'set' ? rest : rest.map((arg) => (typeof arg == 'string' && Object.hasOwn(nonFinite, arg) ? nonFinite[arg] : arg));
      client[method](name, ...args);
      await client.close();
      const sent = server.requests.splice(0).map(({ body }) => body.replace(/^\xa0\n/, ''));
      const message = JSON.stringify(call);
      assert.deepEqual(sent, refused ? [] : [lines.join('\n')], message);
      // The constructor reports bad options too, with no lost lines.
      const lost = errors.filter(({ lost }) => lost > 0);
      assert.deepEqual(lost.map(({ kind, lost }) => [kind, lost]), refused ? [['invalid', 1]] : [], message);
      assert(refused || errors.length == 0, message);
    }
  });
}

// What the package weighs and holds.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import vm from 'node:vm';

const root = new URL('../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');

// maxCore is how large the core may be, in bytes.
const maxCore = 2500;

for (const file of ['index.js', 'statsd.global.js']) {
  test(`${file} stays small`, (t) => {
    const size = gzipSync(read(`dist/${file}`), { level: 9 }).length;
    t.diagnostic(`${size} bytes gzipped`);
    assert(size <= maxCore, `${size} bytes gzipped are more than ${maxCore}`);
  });
}

test('the classic scripts define StatsD and StatsDExtras, and no more', () => {
  const context = vm.createContext({ TextEncoder, AbortController, setTimeout });
  const before = new Set(Object.keys(context));
  for (const file of ['statsd.global.js', 'statsd-extras.global.js']) {
    vm.runInContext(read(`dist/${file}`), context);
  }
  assert.deepEqual(Object.keys(context).filter((name) => !before.has(name)), ['StatsD', 'StatsDExtras']);
  assert.deepEqual(Object.keys(context.StatsDExtras), ['webVitals', 'navigationTiming', 'errors']);
  assert.equal(typeof new context.StatsD({ url: '' }).increment, 'function');
});

test('the package holds what belongs in it', () => {
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8', stdio: 'pipe' }));
  const built = ['browser', 'index', 'line', 'sender', 'web-vitals'].map((name) => `dist/${name}.d.ts`);
  for (const name of ['browser', 'index', 'statsd-extras.global', 'statsd.global', 'web-vitals']) {
    built.push(`dist/${name}.js`, `dist/${name}.js.map`);
  }
  assert.deepEqual(files.map(({ path }) => path).sort(), [...built, 'LICENSE', 'README.md', 'package.json'].sort());
  assert.equal(read('LICENSE'), read('../LICENSE'));
});

test('what the package exports is there', () => {
  const { exports } = JSON.parse(read('package.json'));
  for (const entry of Object.values(exports)) {
    for (const path of typeof entry == 'string' ? [entry] : Object.values(entry)) {
      read(path);
    }
  }
});

test('the lock file names no host', () => {
  assert.doesNotMatch(read('package-lock.json'), /"resolved"/);
});

// Tests the size and the contents of the package.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import vm from 'node:vm';

const root = new URL('../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');

// The maximum size of the core, gzipped, in bytes.
const maxCore = 2700;

for (const file of ['index.js', 'statsd.global.js']) {
  test(`${file} stays small`, (t) => {
    const size = gzipSync(read(`dist/${file}`), { level: 9 }).length;
    t.diagnostic(`${size} bytes gzipped`);
    assert(size <= maxCore, `got ${size} bytes gzipped, want at most ${maxCore}`);
  });
}

test('the classic scripts define only StatsD and StatsDExtras', () => {
  const context = vm.createContext({ TextEncoder, URL, setTimeout });
  const before = new Set(Object.keys(context));
  for (const file of ['statsd.global.js', 'statsd-extras.global.js']) {
    vm.runInContext(read(`dist/${file}`), context);
  }
  assert.deepEqual(Object.keys(context).filter((name) => !before.has(name)), ['StatsD', 'StatsDExtras']);
  assert.deepEqual(Object.keys(context.StatsDExtras), ['webVitals', 'navigationTiming', 'errors']);
  assert.equal(typeof new context.StatsD({ url: 'https://metrics.example' }).increment, 'function');
});

test('statsd-all.global.js holds all of them, with web-vitals', () => {
  const context = vm.createContext({ TextEncoder, URL, setTimeout });
  vm.runInContext(read('dist/statsd-all.global.js'), context);
  assert.deepEqual(Object.keys(context.StatsDExtras), ['webVitals', 'navigationTiming', 'errors']);
  assert.equal(typeof new context.StatsD({ url: 'https://metrics.example' }).increment, 'function');
  assert.match(read('dist/statsd-all.global.js'), /largest-contentful-paint/);
});

test('the package contains the expected files', () => {
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8', stdio: 'pipe' }));
  const built = ['batch', 'browser', 'index', 'line', 'options', 'runtime', 'sender', 'testing', 'web-vitals'].map((name) => `dist/${name}.d.ts`);
  for (const name of ['browser', 'index', 'statsd-all.global', 'statsd-extras.global', 'statsd.global', 'testing', 'web-vitals']) {
    built.push(`dist/${name}.js`, `dist/${name}.js.map`);
  }
  assert.deepEqual(files.map(({ path }) => path).sort(), [...built, 'LICENSE', 'README.md', 'package.json'].sort());
  assert.equal(read('LICENSE'), read('../LICENSE'));
});

test('every export of the package is a file', () => {
  const { exports } = JSON.parse(read('package.json'));
  for (const entry of Object.values(exports)) {
    for (const path of typeof entry == 'string' ? [entry] : Object.values(entry)) {
      read(path);
    }
  }
});

test('typesVersions has every export, for moduleResolution node', () => {
  const { exports, types, typesVersions } = JSON.parse(read('package.json'));
  const versions = { '.': types };
  for (const [name, [path]] of Object.entries(typesVersions['*'])) {
    versions[`./${name}`] = path;
  }
  const expected = Object.entries(exports).filter(([, entry]) => entry.types).map(([name, entry]) => [name, entry.types]);
  assert.deepEqual(versions, Object.fromEntries(expected));
});

test('the declarations hold nothing private', () => {
  assert.doesNotMatch(read('dist/index.d.ts'), /_push|_add|_report|_prefix/);
});

test('the lock file names no registry', () => {
  assert.doesNotMatch(read('package-lock.json'), /"resolved"/);
});

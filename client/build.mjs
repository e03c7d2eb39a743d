// Builds the package into dist: modules, classic scripts and source maps. tsc
// checks the types and adds the declarations.

import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { build } from 'esbuild';
import { minify } from 'terser';

const shared = {
  bundle: true,
  minify: true,
  sourcemap: 'external',
  sourcesContent: true,
  // esbuild rewrites newer syntax for these browsers, but does not add functions
  // that they lack.
  target: ['chrome100', 'firefox100', 'safari15'],
  // The output needs no "use strict", which the options of tsc would add.
  tsconfigRaw: {},
  // Private members, and no others, begin with an underscore.
  mangleProps: /^_/,
  outdir: 'dist',
  logLevel: 'warning',
  metafile: true,
};

await rm('dist', { recursive: true, force: true });
const modules = await build({
  ...shared,
  format: 'esm',
  entryPoints: ['src/index.ts', 'src/browser.ts', 'src/testing.ts', 'src/web-vitals.ts'],
  external: ['web-vitals'],
});
const scripts = await build({
  ...shared,
  format: 'iife',
  entryPoints: ['src/statsd.global.ts', 'src/statsd-extras.global.ts'],
  // The page loads web-vitals as a classic script of its own.
  alias: { 'web-vitals': './src/web-vitals.global.ts' },
});

const all = await build({
  ...shared,
  format: 'iife',
  entryPoints: ['src/statsd-all.global.ts'],
});

// terser saves another two percent: it inlines functions that are called once.
for (const path of Object.keys({ ...modules.metafile.outputs, ...scripts.metafile.outputs, ...all.metafile.outputs })) {
  if (path.endsWith('.js')) {
    const { code, map } = await minify(await readFile(path, 'utf8'), {
      module: path in modules.metafile.outputs,
      ecma: 2020,
      compress: { passes: 3, unsafe: true, unsafe_arrows: true },
      sourceMap: { content: await readFile(`${path}.map`, 'utf8'), url: `${basename(path)}.map` },
    });
    await writeFile(path, code);
    await writeFile(`${path}.map`, map);
  }
}

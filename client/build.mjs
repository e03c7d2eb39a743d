// Builds the package into dist: modules, classic scripts and source maps. tsc
// checks the types and adds the declarations.

import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

const shared = {
  bundle: true,
  minify: true,
  sourcemap: true,
  sourcesContent: true,
  // esbuild rewrites newer syntax for these browsers, but does not add functions
  // that they lack.
  target: ['chrome100', 'firefox100', 'safari15'],
  // Private members, and no others, begin with an underscore.
  mangleProps: /^_/,
  outdir: 'dist',
  logLevel: 'warning',
};

await rm('dist', { recursive: true, force: true });
await build({
  ...shared,
  format: 'esm',
  entryPoints: ['src/index.ts', 'src/browser.ts', 'src/web-vitals.ts'],
  external: ['web-vitals'],
});
await build({
  ...shared,
  format: 'iife',
  entryPoints: ['src/statsd.global.ts', 'src/statsd-extras.global.ts'],
  // The page loads web-vitals as a classic script of its own.
  alias: { 'web-vitals': './src/web-vitals.global.ts' },
});

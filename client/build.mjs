// Builds what the package holds, into dist: the modules, the same as classic
// scripts, and source maps. tsc adds the declarations and checks the types.

import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

const shared = {
  bundle: true,
  minify: true,
  sourcemap: true,
  sourcesContent: true,
  // Browsers of the last four years; what esbuild cannot rewrite, like functions
  // that they lack, is up to the code.
  target: ['es2020', 'chrome100', 'firefox100', 'safari15'],
  // The members that are private begin with an underscore, and nobody else's do.
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
  // The classic build of web-vitals, a script of its own, defines webVitals.
  alias: { 'web-vitals': './src/web-vitals.global.ts' },
});

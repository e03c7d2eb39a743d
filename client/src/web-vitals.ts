import { onCLS, onFCP, onINP, onLCP, onTTFB, type Metric } from 'web-vitals';
import type { StatsD } from './index.js';

/**
 * Reports Web Vitals, once for each page that is looked at, as timings that are
 * tagged with their rating: good, needs-improvement or poor.
 *
 *   web_vitals.lcp  web_vitals.inp  web_vitals.fcp  web_vitals.ttfb  in milliseconds
 *   web_vitals.cls  a thousand times the score: 100 is where it is good no more
 *
 * CLS is a timing too, since its percentiles are what counts. A gauge would keep
 * the last page's only, and not every proxy takes histograms.
 */
export function webVitals(client: StatsD): void {
  if (!globalThis.document) {
    return; // as in browser.ts
  }
  const report = ({ name, value, rating }: Metric) =>
    client.timing(
      'web_vitals.' + name.toLowerCase(),
      Math.round(value * (name == 'CLS' ? 1e6 : 1e3)) / 1e3,
      { rating },
    );
  for (const on of [onCLS, onFCP, onINP, onLCP, onTTFB]) {
    on(report);
  }
}

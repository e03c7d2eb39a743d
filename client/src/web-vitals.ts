import { onCLS, onFCP, onINP, onLCP, onTTFB, type Metric } from 'web-vitals';
import type { StatsDClient } from './index.js';

/**
 * Sends the Web Vitals of the page as timings with the tag rating: good,
 * needs-improvement or poor. Each is sent once a page view: CLS and INP, which can
 * grow later, when the page is first hidden.
 *
 *   web_vitals.lcp  web_vitals.inp  web_vitals.fcp  web_vitals.ttfb  in milliseconds
 *   web_vitals.cls  a thousand times the score; up to 100 is good
 *
 * CLS is a timing for its percentiles: a gauge would keep only the last page's
 * value, and histograms are an option of the proxy.
 */
export function webVitals(client: StatsDClient): void {
  if (!globalThis.document) {
    return; // there is no page to measure on a server
  }
  const sent = new Set<string>();
  const report = ({ id, name, value, rating }: Metric) => {
    if (!sent.has(id)) {
      sent.add(id);
      client.timing(
        'web_vitals.' + name.toLowerCase(),
        Math.round(value * (name == 'CLS' ? 1e6 : 1e3)) / 1e3,
        { rating },
      );
    }
  };
  try {
    for (const on of [onCLS, onFCP, onINP, onLCP, onTTFB]) {
      on(report);
    }
  } catch (error: any) {
    client.timing('web_vitals', error); // an Error is no valid value, so onError is called
  }
}

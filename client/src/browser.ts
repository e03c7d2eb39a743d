import type { StatsD } from './index.js';

/**
 * Reports how the page was loaded, once, when it is: timings in milliseconds,
 * tagged with the type of navigation, such as reload.
 *
 *   navigation.dns        navigation.connect              navigation.tls
 *   navigation.request    until the first byte of the answer
 *   navigation.response   until its last
 *   navigation.dom_interactive  navigation.dom_content_loaded  navigation.load
 *                         since the navigation began
 *
 * What did not happen, like a look-up of a name that was known, takes 0.
 */
export function navigationTiming(client: StatsD): void {
  if (!globalThis.document) {
    return; // a page that is rendered by a server is measured where it is seen
  }
  const report = () => {
    const [t] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    if (!t) {
      return;
    }
    const spans = {
      dns: t.domainLookupEnd - t.domainLookupStart,
      connect: t.connectEnd - t.connectStart,
      tls: t.secureConnectionStart && t.connectEnd - t.secureConnectionStart,
      request: t.responseStart - t.requestStart,
      response: t.responseEnd - t.responseStart,
      dom_interactive: t.domInteractive,
      dom_content_loaded: t.domContentLoadedEventEnd,
      load: t.loadEventEnd,
    };
    for (const [name, span] of Object.entries(spans)) {
      client.timing('navigation.' + name, Math.round(span * 1e3) / 1e3, { type: t.type });
    }
  };
  // The event is over, and its end noted, after the turn that it comes in.
  const later = () => setTimeout(report);
  document.readyState == 'complete' ? later() : addEventListener('load', later);
}

// The names of errors that become tags. Others could be any number.
const known = /^(Aggregate|Eval|Range|Reference|Syntax|Type|URI)?Error$/;

/**
 * Counts errors that nobody has caught, as errors, with the tags kind, which is
 * error or rejection, and name, such as TypeError, or other for those that are
 * not JavaScript's own. Messages never become tags: each would be a new series.
 */
export function errors(client: StatsD): void {
  const count = (kind: string, error: any) => {
    const name = String(error?.name);
    client.increment('errors', { kind, name: known.test(name) ? name : 'other' });
  };
  if (!globalThis.document) {
    return;
  }
  addEventListener('error', (event) => count('error', event.error));
  addEventListener('unhandledrejection', (event) => count('rejection', event.reason));
}

import type { StatsDClient } from './index.js';

/**
 * Sends the times of loading the page, once, after the load event: timings in
 * milliseconds with the tag type, the type of the navigation, such as reload.
 *
 *   navigation.dns        navigation.connect              navigation.tls
 *   navigation.request    from the request to the first byte of the response
 *   navigation.response   from the first byte to the last
 *   navigation.dom_interactive  navigation.dom_content_loaded  navigation.load
 *                         since the navigation began
 *
 * A step that was skipped, such as the lookup of a cached name, takes 0. A page that
 * the browser prerendered sends them when it is shown, with the type prerender.
 */
export function navigationTiming(client: StatsDClient): void {
  if (!globalThis.document) {
    return; // there is no page to measure on a server
  }
  const report = () => {
    const [t] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    if (!t) {
      return;
    }
    const type = (t as any).activationStart > 0 ? 'prerender' : t.type;
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
      client.timing('navigation.' + name, Math.round(span * 1e3) / 1e3, { type });
    }
  };
  // The browser sets loadEventEnd after the listeners of load have run.
  const reportLater = () => setTimeout(report);
  const afterLoad = () => (document.readyState == 'complete' ? reportLater() : addEventListener('load', reportLater));
  if ((document as any).prerendering) {
    document.addEventListener('prerenderingchange', afterLoad, { once: true });
  } else {
    afterLoad();
  }
}

// The error names that become tags. Pages can define any number of others.
const knownNames = /^(Aggregate|Eval|Range|Reference|Syntax|Type|URI)?Error$/;

/**
 * Counts uncaught errors as errors, with two tags: kind is error or rejection, and
 * name is that of a JavaScript error, such as TypeError, or other. Messages do not
 * become tags, since each would be a new series. Notices of ResizeObserver, which
 * browsers report as errors, are not counted.
 */
export function errors(client: StatsDClient): void {
  const count = (kind: string, error: any) => {
    let name = 'other';
    try {
      if (knownNames.test(error.name)) {
        name = error.name;
      }
    } catch {} // error is missing, or belongs to another origin and forbids the access
    client.increment('errors', { kind, name });
  };
  if (!globalThis.document) {
    return;
  }
  addEventListener('error', (event) => {
    if (!/^ResizeObserver loop/.test(event.message)) {
      count('error', event.error);
    }
  });
  addEventListener('unhandledrejection', (event) => count('rejection', event.reason));
}

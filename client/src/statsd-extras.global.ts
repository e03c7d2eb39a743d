// The extras as a classic script: it defines StatsDExtras.
import { errors, navigationTiming } from './browser.js';
import { webVitals } from './web-vitals.js';

(globalThis as any).StatsDExtras = { webVitals, navigationTiming, errors };

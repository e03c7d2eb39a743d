// The classic script of the extras. It defines StatsDExtras.
import { errors, navigationTiming } from './browser.js';
import { webVitals } from './web-vitals.js';

(globalThis as any).StatsDExtras = { webVitals, navigationTiming, errors };

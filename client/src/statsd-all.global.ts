// The classic script of the core, the extras and web-vitals in one. It defines
// StatsD and StatsDExtras.
import { errors, navigationTiming } from './browser.js';
import { StatsD } from './index.js';
import { webVitals } from './web-vitals.js';

Object.assign(globalThis, { StatsD, StatsDExtras: { webVitals, navigationTiming, errors } });

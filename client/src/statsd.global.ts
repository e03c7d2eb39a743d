// The core as a classic script: it defines StatsD.
import { StatsD } from './index.js';

(globalThis as any).StatsD = StatsD;

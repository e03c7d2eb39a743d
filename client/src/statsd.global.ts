// The classic script of the core. It defines StatsD.
import { StatsD } from './index.js';

(globalThis as any).StatsD = StatsD;

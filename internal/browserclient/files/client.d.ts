/** The class that client.js defines. Its types are in client.d.mts, which belongs beside this file. */
declare const StatsD: typeof import('./client.mjs').StatsD;
type StatsD = import('./client.mjs').StatsD;

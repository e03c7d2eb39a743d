// Stands for web-vitals in the classic script: what its own classic script,
// web-vitals.iife.js, has defined when a metric is asked for.
const vital = (name: string) => (...options: any[]) => (globalThis as any).webVitals[name](...options);

export const onCLS = vital('onCLS');
export const onFCP = vital('onFCP');
export const onINP = vital('onINP');
export const onLCP = vital('onLCP');
export const onTTFB = vital('onTTFB');

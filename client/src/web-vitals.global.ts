// Replaces web-vitals in the classic script: each function calls that of the
// global webVitals, which the script web-vitals.iife.js defines.
const vital = (name: string) => (...options: any[]) => {
  const { webVitals } = globalThis as any;
  if (!webVitals) {
    throw new Error('load web-vitals.iife.js first');
  }
  webVitals[name](...options);
};

export const onCLS = vital('onCLS');
export const onFCP = vital('onFCP');
export const onINP = vital('onINP');
export const onLCP = vital('onLCP');
export const onTTFB = vital('onTTFB');

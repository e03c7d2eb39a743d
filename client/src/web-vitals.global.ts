// Replaces web-vitals in the classic script: each function calls that of the
// global webVitals, which the script web-vitals.iife.js defines.
const lazyVital = (name: string) => (...options: any[]) => {
  const { webVitals } = globalThis as any;
  if (!webVitals) {
    throw new Error('load web-vitals.iife.js first');
  }
  webVitals[name](...options);
};

export const onCLS = lazyVital('onCLS');
export const onFCP = lazyVital('onFCP');
export const onINP = lazyVital('onINP');
export const onLCP = lazyVital('onLCP');
export const onTTFB = lazyVital('onTTFB');

// The differences between browsers and Node.js.

/** Does nothing. */
export const noop = () => {};

/** Starts a timer that does not keep a Node.js process alive. */
export const timer = (call: () => void, wait?: number) => {
  const started: any = setTimeout(call, wait);
  started.unref?.();
  return started;
};

/** Adds or removes a listener for the events of a page. Node.js has neither the events nor the methods. */
export const listen = (method: 'addEventListener' | 'removeEventListener', call: (event: any) => void) => {
  for (const type of ['online', 'pagehide', 'visibilitychange']) {
    globalThis[method]?.(type, call);
  }
};

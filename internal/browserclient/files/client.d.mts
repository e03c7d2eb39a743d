/** Tags by key. A tag whose value is null, undefined or empty is left out. */
export type Tags = Record<string, string | number | boolean | null | undefined>;
/** The options of a client. */
export interface Options {
    /** The address of the proxy, absolute, with http or https. The client POSTs lines to url + '/batch'. */
    url: string;
    /** A JSON Web Token for the proxy. */
    token?: string;
    /**
     * Returns a token, within 30 seconds. The client calls it at once unless token is
     * given, and with true after the proxy rejected a token.
     */
    getToken?: (isRefused?: boolean) => string | Promise<string>;
    /** Put before each name. A dot joins them if the prefix ends in a letter or a digit. */
    prefix?: string;
    /** Tags of every metric. A metric's own tag of the same key wins. */
    tags?: Tags;
    /** The sample rate of counts, timings, histograms and distributions: 0.0001 to 1. Default 1. */
    sampleRate?: number;
    /** How long a line waits for others, in milliseconds. Default 1000. */
    flushInterval?: number;
    /** The maximum size of a request body and of a line, in bytes, up to 61440. Default 16384. */
    maxBatch?: number;
    /** The maximum number of queued lines. The client drops the oldest ones beyond it. Default 20000. */
    maxQueue?: number;
    /** The maximum size of the queue, in bytes. The client drops the oldest lines beyond it. Default 1 MiB. */
    maxQueueBytes?: number;
    /**
     * Called with each error. The client ignores what it throws or rejects with.
     * Without it, the first error of each kind is logged to the console.
     */
    onError?: (error: StatsDError) => unknown;
    /** Logs each line and each response to the console, with console.debug. */
    debug?: boolean;
}
/** The argument of onError. */
export interface StatsDError extends Error {
    /**
     * invalid: an option is wrong, or a call had a bad argument and sent nothing.
     * rejected: the proxy rejected some or all lines of a batch. refused: the proxy
     * refused a whole batch. dropped: the queue was full, the client was closed, the
     * page was left, or no response could be read. retry: the proxy could not be
     * reached or was overloaded; nothing is lost yet.
     */
    kind: 'invalid' | 'rejected' | 'refused' | 'dropped' | 'retry';
    /** The number of lost lines. */
    lost: number;
    /** The name of the metric, as in the call, if kind is invalid. */
    metric: string;
    /** What is bad if kind is invalid: name, value, sampleRate, tag, the key of a tag, or an option. */
    key?: string;
    /** The bad value. */
    value?: unknown;
}
/**
 * A StatsD client for web pages and Node.js. It POSTs batches of StatsD lines to
 * statsd-http-proxy.
 *
 * A call becomes a line (line.ts), which is queued and sent (sender.ts).
 */
/** The options of a child. */
export interface ChildOptions {
    /** Appended to the prefix of the parent, and joined to names by the same rule. */
    prefix?: string;
    /** Added to the tags of the parent. A tag of the same key wins over the parent's. */
    tags?: Tags;
}
/** The methods of StatsD, for code that also runs with a stand-in, such as those of statsd-http-proxy-client/testing. */
export interface StatsDClient extends Pick<StatsD, Exclude<keyof StatsD, 'child' | `_${string}`>> {
    child(options?: ChildOptions): StatsDClient;
}
export interface StatsD {
    /** Sends the queue. The promise resolves when every line was sent or lost, and never rejects. */
    flush(): Promise<void>;
    /**
     * Sends the queue in one last attempt, and removes the listeners. Parents and
     * children are closed too. The promise never rejects.
     */
    close(): Promise<void>;
}
/**
 * StatsD sends metrics. The constructor and the methods report errors to onError
 * and do not throw. time alone throws: what the timed function throws.
 */
export declare class StatsD {
    constructor(options: Options);
    /** Adds a value, 1 by default, to a counter. */
    increment(name: string, value?: number, sampleRate?: number, tags?: Tags): void;
    increment(name: string, value: number, tags?: Tags): void;
    increment(name: string, tags?: Tags): void;
    /** Subtracts a value, 1 by default, from a counter. */
    decrement(name: string, value?: number, sampleRate?: number, tags?: Tags): void;
    decrement(name: string, value: number, tags?: Tags): void;
    decrement(name: string, tags?: Tags): void;
    /** Adds a value to a counter. */
    count(name: string, value: number, sampleRate?: number, tags?: Tags): void;
    count(name: string, value: number, tags?: Tags): void;
    /** Sets a gauge. The value may be negative. */
    gauge(name: string, value: number, tags?: Tags): void;
    /** Moves a gauge up or down. */
    gaugeDelta(name: string, value: number, tags?: Tags): void;
    /** Records a duration in milliseconds, or the time since a Date. */
    timing(name: string, value: number | Date, sampleRate?: number, tags?: Tags): void;
    timing(name: string, value: number | Date, tags?: Tags): void;
    /**
     * Times a function, or a promise from now on, and returns the result, or a
     * promise of it. A failure is timed and passed on too. An object with a then method
     * that is no promise, such as a database query that runs with each call of then, is
     * awaited once and comes back as a promise.
     */
    time<T>(name: string, what: (() => PromiseLike<T>) | PromiseLike<T>, sampleRate?: number, tags?: Tags): Promise<T>;
    time<T>(name: string, what: (() => PromiseLike<T>) | PromiseLike<T>, tags?: Tags): Promise<T>;
    time<T>(name: string, what: (() => T) | T, sampleRate?: number, tags?: Tags): T;
    time<T>(name: string, what: (() => T) | T, tags?: Tags): T;
    /** Adds a value to a set. StatsD counts the distinct values. */
    set(name: string, value: string | number, tags?: Tags): void;
    /** Adds a value to a histogram. The proxy needs --histograms. */
    histogram(name: string, value: number, sampleRate?: number, tags?: Tags): void;
    histogram(name: string, value: number, tags?: Tags): void;
    /** Adds a value to a distribution. The proxy needs --histograms. */
    distribution(name: string, value: number, sampleRate?: number, tags?: Tags): void;
    distribution(name: string, value: number, tags?: Tags): void;
    /** Returns a client that shares this client's queue and settings. */
    child(options?: ChildOptions): StatsD;
}

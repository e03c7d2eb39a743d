// Turns a call into StatsD lines. The checks are those of the proxy; both run
// the cases in test/vectors. Limits that depend on the proxy's options, such as
// the length of a line, are left to the proxy.
//
//   name,env=prod:1|c|@0.5
//   head          ^ tail
//             value

/** Tags by key. A tag whose value is null, undefined or empty is left out. */
export type Tags = Record<string, string | number | boolean | null | undefined>;

/** The line of one metric, or the two lines of a negative gauge, in parts. textOf joins them. */
export type Line = [head: string, value: string | number, tail: string];

/** A metric type as a line writes it. '+' stands for gaugeDelta. */
export type Type = 'c' | 'g' | '+' | 'ms' | 's' | 'h' | 'd';

/** The settings of a client that its lines depend on. */
export interface Settings {
  _prefix: string;
  _tags?: Tags;
  _sampleRate: number;
}

// The maximum length of a name with its prefix, in bytes.
const maxName = 255;

// The minimum sample rate that the proxy accepts.
const minRate = 1e-4;

const encoder = new TextEncoder();

// byteLength returns the length of text in UTF-8.
const byteLength = (text: string) => encoder.encode(text).length;

/** Returns the text of a line. */
export const textOf = (line: Line) => line.join('');

/** Returns the size of a line in a body, in bytes, with its line feed. */
export const sizeOf = (line: Line) => byteLength(textOf(line)) + 1;

/**
 * Returns the key of a line in the map of queued counts. Two counts have the same key if
 * they can be added up: same name, tags and sample rate. The key of other lines is the
 * line itself.
 */
export const keyOf = (line: Line) => (line[2][1] == 'c' ? line[0] + line[2] : line);

/** Throws an object with message, key and value unless isGood is truthy. */
export const check = (isGood: unknown, key: string, value: unknown) => {
  if (!isGood) {
    throw { key, value, message: `bad ${key} "${value}"` };
  }
};

// clean checks a name, a key or a value of a tag, and replaces each run of blanks by
// one underscore, as StatsD's own sanitizeKeyName does. \p{Cs} matches a lone surrogate.
const clean = (what: string, value: any) => {
  const text = `${value}`.replace(/[\t\ufeff\p{Z}]+/gu, '_');
  check(text && typeof value != 'object' && !/[:|,;=#@\p{Cc}\p{Cs}]/u.test(text), what, value);
  return text;
};

/** Returns a prefix with the dot that joins it to a name, by the rule of the proxy's --metric-prefix. */
export const dotted = (prefix: unknown) => `${prefix ?? ''}`.replace(/[\p{L}\p{Nd}]$/u, '$&.');

/**
 * Returns the line of a call, or false if sampling leaves it out. The third parameter
 * holds the arguments of the call: tags may take the place of the rate. sign is 1 for
 * increment and -1 for decrement, whose value may be missing; other calls have no sign.
 * If an argument is bad, lineOf throws the object that check throws.
 */
export const lineOf = (client: Settings, type: Type, [name, value, rate, tags]: any[], sign?: number): Line | false => {
  if (sign) {
    if (typeof value == 'object') {
      rate = value;
      value = sign;
    } else {
      value = typeof value == 'number' ? value * sign : value ?? sign;
    }
  }
  if (typeof rate == 'object') {
    tags ||= rate;
    rate = undefined;
  }
  if (value instanceof Date) {
    value = Date.now() - (value as any);
  }

  let head = clean('name', client._prefix + name);
  // Path segments must not be empty, one dot or two dots, because other proxies rewrite
  // such paths.
  check(typeof name == 'string' && !/(^|\/)\.{0,2}(\/|$)/.test(head) && byteLength(head) <= maxName, 'name', name);
  // The metric's own tags come first and win, as with the proxy's --tags.
  const all: any = { ...tags, ...client._tags, ...tags };
  for (const key in all) {
    const value = all[key] ?? '';
    if (value !== '') {
      // Neither a name nor a value can contain the comma and the equals sign.
      const start = `,${clean('tag', key)}=`;
      check(!head.includes(start), key, value);
      head += start + clean(key, value);
    }
  }
  head += ':';

  check(
    typeof value == 'number'
      ? Math.abs(value) < 2 ** 63 && (type != 'ms' || value >= 0)
      : type == 's' && typeof value == 'string' && value && !/[:|\p{Cc}\p{Cs}]/u.test(value),
    'value',
    value,
  );
  if (type == '+') {
    type = 'g';
    value = value < 0 ? value : '+' + value;
  } else if (type == 'g' && value < 0) {
    head += '0|g\n' + head; // StatsD adds a signed value to the gauge, so a first line sets the gauge to 0
  }
  check('gs'.includes(type) ? rate == null : (rate ??= client._sampleRate) >= minRate && rate <= 1, 'sampleRate', rate);
  // An undefined rate is not less than anything, so the line is kept.
  return !(Math.random() >= rate) && [head, value, '|' + type + (rate < 1 ? '|@' + rate : '')];
};

// Turns a call into StatsD lines. The checks are those of the proxy; both run
// the cases in test/vectors. Limits that depend on the proxy's options, such as
// the length of a line, are left to the proxy.
//
//   name,env=prod:1|c|@0.5
//   head          ^ tail
//             value

/** Tags by key. A tag whose value is null or undefined is left out. */
export type Tags = Record<string, string | number | boolean | null | undefined>;

/** The line of one metric, or the two lines of a negative gauge, in parts. textOf joins them. */
export type Line = [head: string, value: string | number, tail: string];

/** A metric type as a line writes it; '+' is a gauge that is moved. */
export type Type = 'c' | 'g' | '+' | 'ms' | 's' | 'h' | 'd';

// The maximum length of a name with its prefix, in bytes.
const maxName = 255;

// The minimum sample rate that the proxy accepts.
const minRate = 0.0001;

// Each run of blanks becomes one underscore, as in StatsD's own sanitizeKeyName.
const blanks = /[\t\ufeff\p{Z}]+/gu;
const reserved = /[:|,;=#@\p{Cc}\p{Cs}]/u; // \p{Cs} is half of a surrogate pair
const reservedInSets = /[:|\p{Cc}\p{Cs}]/u;
const badSegment = /(^|\/)\.{0,2}(\/|$)/; // empty, or a dot segment, which other proxies may rewrite

const encoder = new TextEncoder();

/** Returns the length of text in UTF-8. */
export const byteLength = (text: string) => encoder.encode(text).length;

/** Returns the text of a line. */
export const textOf = (line: Line) => line.join('');

const check = (isGood: unknown, what: string, value: unknown) => {
  if (!isGood) {
    throw `bad ${what} "${value}"`;
  }
};

const clean = (what: string, value: any) => {
  const text = `${value}`.replace(blanks, '_');
  check(text && typeof value != 'object' && !reserved.test(text), what, value);
  return text;
};

const headOf = (prefix: string, name: unknown, tags: Tags) => {
  check(typeof name == 'string', 'name', name);
  let head = clean('name', prefix + name);
  check(!badSegment.test(head) && byteLength(head) <= maxName, 'name', head);
  for (const [key, value] of Object.entries(tags)) {
    if (value != null) {
      // Neither a name nor a value can contain the comma and the equals sign.
      const start = `,${clean('tag', key)}=`;
      check(!head.includes(start), 'second tag', key);
      head += start + clean('tag', value);
    }
  }
  return head + ':';
};

/**
 * Returns the line of a metric, or undefined if sampling leaves it out.
 * defaultRate is the sample rate if rate is undefined or null. lineOf throws a
 * text that quotes the bad argument.
 */
export const lineOf = (type: Type, prefix: string, name: unknown, value: any, rate: any, defaultRate: number, tags: Tags): Line | undefined => {
  let head = headOf(prefix, name, tags);
  let tail = '|' + type;
  check(
    typeof value == 'number'
      ? Math.abs(value) < 2 ** 63 && (type != 'ms' || value >= 0)
      : type == 's' && typeof value == 'string' && value && !reservedInSets.test(value),
    'value',
    value,
  );
  if (type == '+') {
    tail = '|g';
    value = value < 0 ? value : '+' + value;
  } else if (type == 'g' && value < 0) {
    head += '0|g\n' + head; // StatsD reads a signed value as a move; after 0 it is the value itself
  }
  if ('gs+'.includes(type)) {
    check(rate === undefined, 'sample rate', rate);
    return [head, value, tail];
  }
  rate ??= defaultRate;
  check(rate >= minRate && rate <= 1, 'sample rate', rate);
  if (Math.random() < rate) {
    return [head, value, rate < 1 ? tail + '|@' + rate : tail];
  }
};

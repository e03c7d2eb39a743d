// A call becomes StatsD lines, checked by the proxy's own rules: both run the
// cases in test/vectors. What depends on the proxy's options, such as how long a
// line may be, is left to it.
//
//   name,env=prod:1|c|@0.5
//   head          ^ tail
//             value

/** Tags by their keys. One that is null or undefined is left out. */
export type Tags = Record<string, string | number | boolean | null | undefined>;

/** What waits: the line of a metric, or the two of a negative gauge. Its parts are joined without anything between. */
export type Line = [head: string, value: string | number, tail: string];

/** The letters of a type in a line, and a plus for a gauge that is moved. */
export type Type = 'c' | 'g' | '+' | 'ms' | 's' | 'h' | 'd';

// How long a name may be, in bytes, with the prefix before it.
const maxName = 255;

// The least sample rate that the proxy takes in a line.
const minRate = 0.0001;

// Each run of blanks becomes one underscore, as in StatsD's own sanitizeKeyName.
const blanks = /[\t\ufeff\p{Z}]+/gu;
const reserved = /[:|,;=#@\p{Cc}\p{Cs}]/u; // \p{Cs} is half of a surrogate pair
const reservedInSets = /[:|\p{Cc}\p{Cs}]/u;
const badSegment = /(^|\/)\.{0,2}(\/|$)/; // none, or one that a proxy on the way could rewrite

const encoder = new TextEncoder();

/** Returns how long text is in UTF-8. */
export const bytes = (text: string) => encoder.encode(text).length;

const check = (good: unknown, what: string, value: unknown) => {
  if (!good) {
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
  check(!badSegment.test(head) && bytes(head) <= maxName, 'name', head);
  for (const [key, value] of Object.entries(tags)) {
    if (value != null) {
      // Between these two a key cannot be taken for a part of anything else.
      const mark = `,${clean('tag', key)}=`;
      check(!head.includes(mark), 'second tag', key);
      head += mark + clean('tag', value);
    }
  }
  return head + ':';
};

/**
 * Returns the line of a metric, or undefined where sampling leaves it out; preset
 * is the rate where none is given. It throws a text that quotes what is wrong.
 */
export const lineOf = (type: Type, prefix: string, name: unknown, value: any, rate: any, preset: number, tags: Tags): Line | undefined => {
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
    head += '0|g\n' + head; // a sign alone would move the gauge, from wherever it is
  }
  if ('gs+'.includes(type)) {
    check(rate === undefined, 'sample rate', rate);
    return [head, value, tail];
  }
  rate ??= preset;
  check(rate >= minRate && rate <= 1, 'sample rate', rate);
  if (Math.random() < rate) {
    return [head, value, rate < 1 ? tail + '|@' + rate : tail];
  }
};

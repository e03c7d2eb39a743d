// Shows code that sends the same metrics: for curl, for fetch and for the client.

const METHODS = { shift: 'gaugeDelta' }; // methods of the client that are not named like the type

// The types without a sample rate. The client's methods for them have no parameter
// for it.
export const UNSAMPLED = ['gauge', 'shift', 'set'];

// startCode returns a function that shows the code for an object with these
// fields:
//
//   metrics   array of objects with type, name, value, tags (an object), sampleRate
//   times     number of times that the metrics were sent
//   hasToken  whether a token was sent
export function startCode() {
  const panel = document.getElementById('code');
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const copy = document.getElementById('copy');
  let texts = {};

  function select(tab) {
    for (const other of tabs) {
      other.setAttribute('aria-selected', String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    panel.setAttribute('aria-labelledby', tab.id);
    panel.textContent = texts[tab.textContent];
    panel.scrollTop = 0;
  }
  const selected = () => tabs.find((tab) => tab.getAttribute('aria-selected') === 'true');

  tabs.forEach((tab, at) => {
    tab.addEventListener('click', () => select(tab));
    tab.addEventListener('keydown', ({ key }) => {
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[key];
      if (to !== undefined) {
        const next = tabs.at(to % tabs.length);
        select(next);
        next.focus();
      }
    });
  });

  copy.addEventListener('click', async () => {
    let done = 'Copied';
    try {
      await navigator.clipboard.writeText(panel.textContent);
    } catch { // browsers allow it only over HTTPS and on localhost
      getSelection().selectAllChildren(panel);
      done = 'Selected';
    }
    copy.textContent = done;
    setTimeout(() => {
      copy.textContent = 'Copy';
    }, 2000);
  });

  return (sent) => {
    texts = codeFor({ origin: location.origin, ...sent });
    select(selected());
  };
}

// codeFor returns the code for each tab.
export function codeFor({ origin, metrics, times, hasToken }) {
  const isBatch = times > 1 || metrics.length > 1;
  const url = origin + requestFor(metrics, times).path;
  const curl = [`curl ${shell(url)}`, ...(hasToken ? ['-H "X-JWT-Token: $TOKEN"'] : [])];
  const write = isBatch ? writeBatch : writeSingle;
  const written = write(metrics, times);
  return {
    curl: `${written.print}${[...curl, written.data].join(' \\\n  ')}`,
    fetch: [
      `await fetch(${js(url)}, {`,
      "  method: 'POST',",
      ...(hasToken ? ["  headers: { 'X-JWT-Token': token },"] : []),
      `  body: ${written.body},`,
      '});',
    ].join('\n'),
    client: clientCode(origin, metrics, times, hasToken),
  };
}

// requestFor returns the path and the body of a request: JSON for one metric,
// StatsD lines for several.
export function requestFor(metrics, times) {
  if (times > 1 || metrics.length > 1) {
    return { path: '/batch', body: Array(times).fill(metrics.flatMap(linesOf)).flat().join('\n') };
  }
  const { type, name } = metrics[0];
  const segments = name.split('/').map(encodeURIComponent);
  return { path: `/${type === 'shift' ? 'gauge' : type}/${segments.join('/')}`, body: JSON.stringify(fieldsOf(metrics[0])) };
}

function fieldsOf({ type, value, tags, sampleRate }) {
  return {
    [type === 'shift' ? 'shift' : 'value']: value,
    ...(isEmpty(tags) ? {} : { tags }),
    ...(sampleRate === 1 ? {} : { sampleRate }),
  };
}

function writeSingle([metric]) {
  const fields = fieldsOf(metric);
  return { print: '', data: `-d ${shell(JSON.stringify(fields))}`, body: `JSON.stringify(${js(fields)})` };
}

function writeBatch(metrics, times) {
  const lines = metrics.flatMap(linesOf);
  const print = ["printf '%s\\n'", ...lines.map(shell)].join(lines.length === 1 ? ' ' : ' \\\n  ');
  const list = lines.length === 1 ? `[${js(lines[0])}]` : `[\n${lines.map((line) => `    ${js(line)},\n`).join('')}  ]`;
  return {
    print: times > 1 ? `for i in $(seq ${times}); do\n  ${print.replaceAll('\n', '\n  ')}\ndone |\n` : `${print} |\n`,
    data: '--data-binary @-',
    body: `${times > 1 ? `Array(${times}).fill(${list}).flat()` : list}.join('\\n')`,
  };
}

const WIRE = { count: 'c', gauge: 'g', shift: 'g', timing: 'ms', set: 's', histogram: 'h', distribution: 'd' };

// linesOf returns a metric as StatsD lines. A gauge becomes negative in two lines,
// because a single line with a sign would change it.
function linesOf({ type, name, value, tags, sampleRate }) {
  const series = [name, ...Object.entries(tags).map(([key, text]) => `${key}=${text}`)].join(',');
  const rate = sampleRate === 1 ? '' : `|@${sampleRate}`;
  const line = (text) => `${series}:${text}|${WIRE[type]}${rate}`;
  if (type === 'gauge' && value < 0) {
    return [line(0), line(value)];
  }
  return [line(type === 'shift' && value >= 0 ? `+${value}` : value)];
}

function clientCode(origin, metrics, times, hasToken) {
  const calls = metrics.map(({ type, name, value, tags, sampleRate }) => {
    const isSampled = sampleRate !== 1 && !UNSAMPLED.includes(type);
    const more = [...(isSampled ? [js(sampleRate)] : []), ...(isEmpty(tags) ? [] : [js(tags)])];
    return `statsd.${METHODS[type] ?? type}(${[js(name), js(value), ...more].join(', ')});`;
  });
  return [
    "import { StatsD } from 'statsd-http-proxy-client';",
    '',
    'const statsd = new StatsD({',
    `  url: ${js(origin)},`,
    ...(hasToken ? ['  token,'] : []),
    '});',
    ...(times > 1 ? [`for (let i = 0; i < ${times}; i++) {`, ...calls.map((call) => `  ${call}`), '}'] : calls),
  ].join('\n');
}

const isEmpty = (tags) => Object.keys(tags).length === 0;

// shell quotes text for a POSIX shell.
const shell = (text) => (/^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

// js returns value as a JavaScript literal.
function js(value) {
  if (typeof value === 'string') {
    return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
  }
  if (typeof value === 'object') {
    const fields = Object.entries(value).map(([key, field]) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : js(key)}: ${js(field)}`);
    return `{ ${fields.join(', ')} }`;
  }
  return String(value);
}

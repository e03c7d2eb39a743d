// The form and the buttons: they send metrics and show the result.

import { UNSAMPLED, requestFor } from './code.js';

const BURST_SECONDS = 10;
const BURST_INTERVAL = 100; // ms
const BURST_METRICS = 100; // per interval

const pick = (...values) => values[Math.floor(Math.random() * values.length)];
const between = (low, high) => low + Math.random() * (high - low);
const rounded = (value) => Math.round(value * 10) / 10;

let temperature = 20;

// The metrics that the buttons send.
const SAMPLES = {
  count: () => ({ type: 'count', name: 'demo.clicks', value: 1, tags: { page: pick('home', 'cart') } }),
  gauge: () => {
    temperature = rounded(Math.min(30, Math.max(-5, temperature + between(-1, 1))));
    return { type: 'gauge', name: 'demo.temperature', value: temperature, tags: {} };
  },
  shift: () => ({ type: 'shift', name: 'demo.queue', value: pick(-3, -2, -1, 1, 2, 3), tags: {} }),
  timing: () => ({ type: 'timing', name: 'demo.load', value: rounded(80 + 40 * -Math.log(1 - Math.random())), tags: {} }),
  set: () => ({ type: 'set', name: 'demo.users', value: `user-${Math.floor(between(1, 51))}`, tags: {} }),
};
const TYPES = Object.keys(SAMPLES);

const sample = (type) => ({ sampleRate: 1, ...SAMPLES[type]() });
const samples = (count) => Array.from({ length: count }, (_, i) => sample(TYPES[i % TYPES.length]));

const number = new Intl.NumberFormat('en');
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

// describeError returns the text to show for an error of the client.
function describeError({ kind, message }) {
  const text = message.replace(/^\w*Error: /, '');
  switch (kind) {
    case 'invalid':
      return `Not sent: ${text}`;
    case 'retry':
      return `Not sent yet: ${text}`;
    case 'dropped':
      return `Lost: ${text}`;
    default: // rejected or refused
      return `The proxy rejects ${text.replace(/^status (\d+)/, 'with status $1')}`;
  }
}

// startSending makes the form and the buttons work. It calls showCode for
// everything that it sends.
export function startSending(showCode) {
  const form = document.getElementById('form');
  const outcome = document.getElementById('outcome');
  const burst = document.getElementById('burst');
  const field = (name) => form.elements.namedItem(name).value.trim();

  let failures = 0;
  function showOutcome(text, isError = false) {
    outcome.textContent = `${clock.format(Date.now())} ${text}`;
    outcome.classList.toggle('error', isError);
  }
  function showError(text) {
    failures++;
    showOutcome(text, true);
  }

  // A client keeps its token until the proxy rejects it, so another token needs
  // another client.
  const newClient = () =>
    new StatsD({
      url: location.origin,
      token: field('token'),
      flushInterval: 250,
      onError: (error) => (error.kind === 'retry' ? showOutcome : showError)(describeError(error), true),
    });
  let statsd = newClient();
  form.elements.namedItem('token').addEventListener('change', () => {
    statsd.close();
    statsd = newClient();
  });
  StatsDExtras.webVitals({ timing: (...vital) => statsd.timing(...vital) });

  function sendByClient({ type, name, value, tags, sampleRate }) {
    if (type === 'shift') {
      statsd.gaugeDelta(name, value, tags);
    } else if (UNSAMPLED.includes(type)) {
      statsd[type](name, value, tags);
    } else {
      statsd[type](name, value, sampleRate, tags);
    }
  }

  async function sendByFetch(metrics, times) {
    const { path, body } = requestFor(metrics, times);
    const token = field('token');
    try {
      const response = await fetch(path, { method: 'POST', headers: token ? { 'X-JWT-Token': token } : {}, body });
      if (!response.ok) {
        const { error, rejected } = await response.json();
        showError(`The proxy responds with status ${response.status}: ${error ?? rejected[0].error}`);
      }
    } catch (error) {
      showError(`No response: ${error.message}`);
    }
  }

  async function send(metrics, times = 1, by = 'client') {
    showCode({ metrics, times, hasToken: field('token') !== '' });
    const before = failures;
    if (by === 'fetch') {
      await sendByFetch(metrics, times);
    } else {
      for (let i = 0; i < times; i++) {
        metrics.forEach(sendByClient);
      }
      await statsd.flush();
    }
    if (failures === before) {
      const count = metrics.length * times;
      const isSampled = metrics.some(({ sampleRate }) => sampleRate < 1);
      showOutcome(`Accepted: ${count === 1 ? 'one metric' : `${number.format(count)} metrics`}${isSampled ? ', except those that the sample rate leaves out' : ''}.`);
    }
  }

  // The form suggests a name and a value for each type, until the user changes one
  // of them.
  let suggested = { name: field('name'), value: field('value') };
  form.elements.namedItem('type').addEventListener('change', () => {
    if (field('name') === suggested.name && field('value') === suggested.value) {
      const { name, value } = (SAMPLES[field('type')] ?? SAMPLES.timing)();
      suggested = { name, value: String(value) };
      form.elements.namedItem('name').value = name;
      form.elements.namedItem('value').value = value;
    }
  });

  // Text that is not a number is sent as it is: the client or the proxy rejects it
  // with a good message.
  const numberOr = (text) => (text !== '' && Number.isFinite(Number(text)) ? Number(text) : text);

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const value = field('value');
    const tags = field('tags').split(',').filter((tag) => tag.trim() !== '').map((tag) => {
      const [key, ...rest] = tag.split('=');
      return [key.trim(), rest.join('=').trim()];
    });
    const metric = {
      type: field('type'),
      name: field('name'),
      value: field('type') === 'set' ? value : numberOr(value),
      tags: Object.fromEntries(tags),
      sampleRate: numberOr(field('sampleRate') || '1'),
    };
    send([metric], Math.min(1000, Math.max(1, Math.floor(Number(field('times'))) || 1)), field('by'));
  });

  for (const button of document.querySelectorAll('[data-sample]')) {
    const { sample: type } = button.dataset;
    button.addEventListener('click', () => send(type === 'batch' ? samples(20) : [sample(type)]));
  }

  let timer = 0;
  let count = 0;
  function stop() {
    clearInterval(timer);
    timer = 0;
    burst.setAttribute('aria-pressed', 'false');
    showOutcome(`Burst over: ${number.format(count)} metrics.`);
  }
  burst.addEventListener('click', () => {
    if (timer) {
      stop();
      return;
    }
    count = 0;
    burst.setAttribute('aria-pressed', 'true');
    showOutcome(`Burst: ${BURST_SECONDS} seconds of ${number.format((BURST_METRICS * 1000) / BURST_INTERVAL)} metrics each.`);
    showCode({ metrics: samples(TYPES.length), times: BURST_METRICS / TYPES.length, hasToken: field('token') !== '' });
    timer = setInterval(() => {
      samples(BURST_METRICS).forEach(sendByClient);
      count += BURST_METRICS;
      if (count >= (BURST_SECONDS * 1000 * BURST_METRICS) / BURST_INTERVAL) {
        stop();
      }
    }, BURST_INTERVAL);
  });

  showCode({ metrics: [sample('count')], times: 1, hasToken: false });
}

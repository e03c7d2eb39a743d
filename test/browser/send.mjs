// Sends metrics from a page in a headless Chromium, in each way that browsers
// have. It prints what the page saw as one line of JSON and keeps the browser
// open until standard input ends: beacons are on their way for longer than the
// call that sends them.
//
//   usage: node send.mjs '{"chromium": "/usr/bin/chromium", "page": URL, "proxy": URL, "token": TOKEN}'

import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const options = JSON.parse(process.argv[2]);

const browser = await chromium.launch({
  executablePath: options.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  const page = await browser.newPage();
  await page.goto(options.page);
  const seen = {
    jquery: await page.evaluate(await sample()),
    ...(await page.evaluate(send, options)),
  };
  console.log(JSON.stringify(seen));
  for await (const _ of process.stdin); // until the test has seen enough
} finally {
  await browser.close();
}

// sample returns the documented jQuery call with the real address and token.
async function sample() {
  let code = await readFile(new URL('sample.js', import.meta.url), 'utf8');
  for (const [printed, real] of [
    ['http://127.0.0.1:8080', options.proxy],
    ['some-jwt-token', options.token],
  ]) {
    if (!code.includes(printed)) {
      throw new Error(`sample.js does not hold ${printed}`);
    }
    code = code.replace(printed, real);
  }
  const call = code.trim().replace(/;$/, '');
  return `${call}.then((data, text, answer) => answer.status, (answer) => answer.status || answer.statusText)`;
}

// send runs in the page.
async function send({ proxy, token }) {
  const headers = { 'X-JWT-Token': token };
  const post = async (path, init) => {
    const answer = await fetch(proxy + path, { method: 'POST', ...init });
    return { status: answer.status, body: await answer.text() };
  };
  const beacon = (name, data) =>
    navigator.sendBeacon(`${proxy}/count/beacon.${name}?token=${encodeURIComponent(token)}`, data);

  const form = new FormData();
  form.append('value', '13');
  const zipped = new Blob(['zipped.one:15|c\nzipped.two:16|c']).stream().pipeThrough(new CompressionStream('gzip'));

  return {
    fetch: await post('/count/fetch', { headers, body: '{"value": 10}' }),
    zippedBatch: await post('/batch', {
      headers: { ...headers, 'Content-Encoding': 'gzip' },
      body: await new Response(zipped).arrayBuffer(),
    }),
    badValue: await post('/count/fetch.bad', { headers, body: '{"value": "ten"}' }),
    noToken: await post('/count/fetch.anonymous', { body: '{"value": 10}' }),
    beacons: [
      beacon('string', 'value=11'),
      beacon('params', new URLSearchParams({ value: 12 })),
      beacon('form', form),
      beacon('blob', new Blob(['{"value": 14}'], { type: 'application/json' })),
      navigator.sendBeacon(`${proxy}/batch?token=${encodeURIComponent(token)}`, 'beacon.one:17|c\nbeacon.two:18|c'),
    ],
  };
}

// Sends metrics from a page in a headless Chromium, with fetch and with beacons. The
// script prints what the page saw as one line of JSON. It keeps the browser open until
// standard input ends, since a beacon is in flight for longer than the call that sends it.
//
//   usage: node send.mjs '{"chromium": "/usr/bin/chromium", "page": URL, "proxy": URL, "token": TOKEN}'

import { chromium } from 'playwright-core';

const options = JSON.parse(process.argv[2]);

const browser = await chromium.launch({
  executablePath: options.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  const page = await browser.newPage();
  await page.goto(options.page);
  console.log(JSON.stringify(await page.evaluate(send, options)));
  for await (const _ of process.stdin); // the test closes it
} finally {
  await browser.close();
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

  // jQuery sends a form, although the header says JSON.
  const jquery = await $.ajax({
    url: `${proxy}/count/jquery`,
    method: 'POST',
    headers: { 'X-JWT-Token': token, 'Content-Type': 'application/json' },
    data: { value: 100500 },
  }).then((data, text, answer) => answer.status, (answer) => answer.status || answer.statusText);

  return {
    jquery,
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

// Opens pages in a headless Chromium. Each page sends metrics in all ways that need no
// CORS preflight, and in one that needs it. The script prints what the pages saw as one
// line of JSON. It keeps the browser open until standard input ends, since a beacon is
// in flight for longer than the call that sends it.
//
//   usage: node origins.mjs '{"chromium": "/usr/bin/chromium", "pages": {NAME: URL}, "proxy": URL}'

import { chromium } from 'playwright-core';

const options = JSON.parse(process.argv[2]);

const browser = await chromium.launch({
  executablePath: options.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  const seen = {};
  for (const [name, url] of Object.entries(options.pages)) {
    const page = await browser.newPage();
    await page.goto(url);
    seen[name] = await page.evaluate(send, { base: `${options.proxy}/count/${name}`, batch: `${options.proxy}/batch`, name });
  }
  console.log(JSON.stringify(seen));
  for await (const _ of process.stdin); // the test closes it
} finally {
  await browser.close();
}

// send runs in the page. It returns the status of each response, or 0 if the page
// cannot read the response.
async function send({ base, batch, name }) {
  const post = async (path, init) => {
    try {
      const answer = await fetch(base + path, { method: 'POST', body: 'value=1', ...init });
      return answer.status; // 0 if it is opaque
    } catch {
      return 0;
    }
  };
  const submit = () => {
    const frame = document.createElement('iframe');
    frame.name = 'answer';
    const form = document.createElement('form');
    Object.assign(form, { method: 'POST', action: `${base}.submitted`, target: frame.name });
    form.append(Object.assign(document.createElement('input'), { name: 'value', value: '1' }));
    document.body.append(frame, form);
    form.submit();
  };
  // A sandboxed frame. Its origin is null.
  const sandbox = () => {
    const frame = document.createElement('iframe');
    frame.sandbox = 'allow-scripts';
    frame.srcdoc = `<script>fetch('${base}.sandboxed', { method: 'POST', body: 'value=1' })</script>`;
    document.body.append(frame);
  };

  const statuses = {
    fetched: await post('.fetched', {}),
    preflighted: await post('.preflighted', { headers: { 'Content-Type': 'application/json' }, body: '{"value": 1}' }),
    opaque: await post('.opaque', { mode: 'no-cors' }),
  };
  submit();
  sandbox();
  navigator.sendBeacon(`${base}.beacon`, 'value=1');
  navigator.sendBeacon(batch, `${name}.batch:1|c`);
  return statuses;
}

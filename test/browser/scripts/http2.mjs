// Sends metrics to a proxy over HTTPS from two pages in a headless Chromium: a page of
// the proxy's own origin, which can see the version of HTTP, and a page of another
// origin. The script prints what they saw as one line of JSON and keeps the browser open
// until standard input ends, see send.mjs.
//
//   usage: node http2.mjs '{"chromium": "/usr/bin/chromium", "page": URL, "proxy": URL, "token": TOKEN}'

import { chromium } from 'playwright-core';

const options = JSON.parse(process.argv[2]);

const browser = await chromium.launch({
  executablePath: options.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--ignore-certificate-errors'],
});
try {
  const seen = {};
  for (const [name, address] of [
    ['own', `${options.proxy}/heartbeat`],
    ['other', options.page],
  ]) {
    const page = await browser.newPage();
    await page.goto(address);
    seen[name] = await page.evaluate(send, { ...options, name });
  }
  console.log(JSON.stringify(seen));
  for await (const _ of process.stdin); // the test closes it
} finally {
  await browser.close();
}

// send runs in the page. It sends more requests at once than browsers open connections.
async function send({ proxy, token, name }) {
  const post = async (path, body) => {
    const answer = await fetch(proxy + path, { method: 'POST', headers: { 'X-JWT-Token': token }, body });
    return answer.status;
  };
  const fetches = Array.from({ length: 50 }, () => post(`/count/${name}.fetch`, '{"value": 1}'));
  const statuses = [...new Set(await Promise.all(fetches))];
  const beacon = navigator.sendBeacon(`${proxy}/count/${name}.beacon?token=${encodeURIComponent(token)}`, 'value=7');
  const large = await post('/batch', `${name}.large:1|c\n`.repeat(2000));
  // It is empty if the page cannot see it.
  const protocols = [...new Set(performance.getEntriesByType('resource').map((entry) => entry.nextHopProtocol))];
  return { statuses, beacon, large, protocols };
}

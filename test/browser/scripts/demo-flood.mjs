// Floods the demo page with lines of unique names. It checks that the page keeps few of
// them and still works, and prints what it measured.
//
//   usage: node demo-flood.mjs '{"chromium": "/usr/bin/chromium", "url": URL, "statsd": "HOST:PORT"}'

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasLine, send, withDemo } from './demo-page.mjs';

const options = JSON.parse(process.argv[2]);
const [host, port] = options.statsd.split(':');

const SECONDS = 3;
const DATAGRAMS = 20; // each 10 ms
const LINES = 50; // in a datagram, so that there are 100,000 in a second

await withDemo(options, {}, async (page) => {
  await page.evaluate(() => {
    window.longest = 0;
    let last = performance.now();
    requestAnimationFrame(function next(now) {
      window.longest = Math.max(window.longest, now - last);
      last = now;
      requestAnimationFrame(next);
    });
  });
  const socket = createSocket('udp4');
  let sent = 0;
  for (let i = 0; i < SECONDS * 100; i++) {
    for (let j = 0; j < DATAGRAMS; j++) {
      const lines = Array.from({ length: LINES }, (_, k) => `flood.${sent + k}:${k}|${['c', 'g', 'ms', 's'][k % 4]}`);
      sent += LINES;
      await new Promise((resolve, reject) => socket.send(lines.join('\n'), Number(port), host, (error) => (error ? reject(error) : resolve())));
    }
    await sleep(10);
  }
  socket.close();
  const seen = await page.evaluate(() => ({
    count: document.getElementById('count').textContent,
    items: document.querySelectorAll('#lines > div').length,
    elements: document.querySelectorAll('*').length,
    longest: Math.round(window.longest),
    heap: Math.round(performance.memory.usedJSHeapSize / 1024 / 1024),
  }));
  console.log(`${sent} lines sent; the page says ${seen.count}, has ${seen.elements} elements, uses ${seen.heap} MB, its longest frame took ${seen.longest} ms`);
  assert.ok(seen.items <= 200 && seen.elements < 1000, `it has ${seen.items} lines in ${seen.elements} elements`);
  await send(page, { name: 'after', type: 'gauge' });
  await hasLine(page, 'after:1|g');
});

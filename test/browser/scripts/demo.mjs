// Walks through the demo page: by mouse, by keyboard or on a phone. It checks the lines,
// the tables of the plots and the code, and keeps screenshots in a directory. Each walk
// needs a proxy of its own.
//
//   usage: node demo.mjs '{"chromium": "/usr/bin/chromium", "walk": NAME, "url": URL, "statsd": "HOST:PORT", "shots": DIRECTORY, "update": false}'

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasLine, hasOutcome, hasRow, send, withDemo } from './demo-page.mjs';

const options = JSON.parse(process.argv[2]);
const axe = await readFile(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

const walks = {
  async form() {
    await withDemo(options, { colorScheme: 'light' }, async (page) => {
      await modules(page);
      await form(page);
      await code(page);
    });
  },
  async light() {
    await withDemo(options, { colorScheme: 'light' }, async (page) => {
      await buttons(page);
      await screenshot(page);
      await pause(page);
      await oddLines(page);
      await look(page, 'light');
    });
  },
  async dark() {
    await withDemo(options, { colorScheme: 'dark' }, async (page) => {
      await keyboard(page);
      await buttons(page);
      await look(page, 'dark');
    });
  },
  phone: () => phone('phone', 'light'),
  'phone-dark': () => phone('phone-dark', 'dark'),
};
await walks[options.walk]();

// screenshot takes the picture of README.md. To update that picture, it first sends a
// whole burst, so that there is something to see in the plots.
async function screenshot(page) {
  if (options.update) {
    await page.click('#burst');
    await page.waitForSelector('#burst[aria-pressed=true]');
    await page.waitForSelector('#burst[aria-pressed=false]');
  }
  await send(page, { type: 'timing', name: 'page.load', value: '320', tags: 'locale=en-us' });
  await hasLine(page, 'page.load,locale=en-us:320|ms');
  const before = page.viewportSize();
  await page.setViewportSize({ width: 1200, height: 792 });
  await page.screenshot({ path: join(options.shots, 'demo.png') });
  await page.setViewportSize(before);
}

async function phone(name, colorScheme) {
  await withDemo(options, { colorScheme, viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }, async (page) => {
    await buttons(page);
    await look(page, name);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), 'the page is wider than the phone');
  });
}

// form sends each type of metric in both ways, and invalid metrics.
async function form(page) {
  for (const [fields, line, ...row] of [
    [{ type: 'count', name: 'form.count', value: '5', tags: 'env=prod, locale=en-us' }, 'form.count,env=prod,locale=en-us:5|c'],
    [{ type: 'gauge', name: 'form.gauge', value: '12.50' }, 'form.gauge:12.5|g', 'gauge', 'form.gauge', '12.5'],
    [{ type: 'shift', name: 'form.gauge', value: '-3' }, 'form.gauge:-3|g', 'gauge', 'form.gauge', '9.5'],
    [{ type: 'gauge', name: 'form.gauge', value: '-5' }, 'form.gauge:-5|g', 'gauge', 'form.gauge', '-5'],
    [{ type: 'timing', name: 'form.timing', value: '320' }, 'form.timing:320|ms', 'timing', 'form.timing', '320', '320', '320'],
    [{ type: 'set', name: 'form.set', value: 'alice' }, 'form.set:alice|s', 'set', 'form.set', '1'],
  ]) {
    for (const by of ['client', 'fetch']) {
      const renamed = { ...fields, name: `${by}.${fields.name}` };
      await send(page, { ...renamed, by });
      await hasLine(page, `${by}.${line}`);
      await hasOutcome(page, 'Accepted: one metric.', false);
      if (by === 'client' && row.length > 0) {
        const [kind, series, ...values] = row;
        await hasRow(page, kind, `${by}.${series}`, ...values);
      }
    }
  }
  await send(page, { name: 'many', value: '2', times: '50' });
  await hasLine(page, 'many:100|c'); // the client adds counts up
  await send(page, { name: 'many', value: '2', times: '50', by: 'fetch' });
  await hasOutcome(page, 'Accepted: 50 metrics.', false);
  await hasRow(page, 'count', 'many', '0', '200');

  for (const [fields, client, proxy] of [
    [{ name: 'wrong', value: 'x' }, 'Not sent: bad value "x"', '400: parameter "value"'],
    [{ name: 'wrong', value: 'Infinity' }, 'Not sent: bad value "Infinity"', '400: parameter "value"'],
    [{ name: 'wrong', sampleRate: 'x' }, 'Not sent: bad sampleRate "x"', '400: parameter "sampleRate"'],
    [{ name: '', value: '1' }, 'Not sent: bad name ""', '400: '],
    [{ name: 'wrong', type: 'histogram' }, 'the type histogram is not enabled here', '404: '],
    [{ name: 'wrong', tags: 'a:b=1' }, 'Not sent: bad tag "a:b"', '400: '],
    [{ name: 'wrong', sampleRate: '2' }, 'Not sent: bad sampleRate', '400: parameter "sampleRate"'],
    [{ name: 'wrong', type: 'gauge', sampleRate: '0.5', by: 'fetch' }, '', '400: parameter "sampleRate"'],
  ]) {
    if (client) {
      await send(page, fields);
      await hasOutcome(page, client, true);
    }
    await send(page, { ...fields, by: 'fetch' });
    await hasOutcome(page, proxy, true);
  }
  await send(page, { name: 'right' });
  await hasOutcome(page, 'Accepted: one metric.', false);
}

// code runs the code that the page shows and checks which line it sends.
async function code(page) {
  for (const [fields, line] of [
    [{ name: "it's", tags: 'a=$b,c="d"', value: '7' }, `it's,a=$b,c="d":7|c`],
    [{ name: 'a/b%c', type: 'gauge', value: '-2' }, 'a/b%c:-2|g'],
    [{ name: 'shift', type: 'shift', value: '3' }, 'shift:+3|g'],
    [{ name: 'set', type: 'set', value: "\\ '\"`" }, "set:\\ '\"`|s"],
    [{ name: 'repeated', type: 'timing', value: '4', times: '3' }, 'repeated:4|ms'],
  ]) {
    const shown = async (tab) => {
      await page.click(`#tab-${tab}`);
      return page.locator('#code').textContent();
    };
    const once = Number(fields.times ?? 1);
    for (const tab of ['curl', 'fetch', 'client']) {
      // Each tab has its own name, so that no other code sends its line.
      const name = `${tab}.${fields.name}`;
      await send(page, { ...fields, name });
      await isListed(page, `${tab}.${line}`, once);
      const text = await shown(tab);
      if (tab === 'curl') {
        const answer = execFileSync('sh', ['-c', text.replace('curl ', 'curl -sS ')], { encoding: 'utf8' });
        assert.match(answer, /^$|"rejected":\[\]/, text);
      } else {
        await page.evaluate(`(async () => { ${text.replace(/import .*/, '')}\nif (typeof statsd === 'object') await statsd.flush(); })()`);
      }
      await isListed(page, `${tab}.${line}`, 2 * once);
    }
  }
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.click('#copy');
  await page.waitForSelector('#copy:text("Copied")');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.locator('#code').textContent());
}

// isListed waits until the page lists a line the given number of times.
function isListed(page, line, times) {
  return page.waitForFunction(([text, want]) => [...document.querySelectorAll('#lines span')].filter((span) => span.textContent === text).length === want, [line, times]);
}

// buttons clicks each button once.
async function buttons(page) {
  for (const [sample, series] of [['count', 'demo.clicks'], ['gauge', 'demo.temperature'], ['shift', 'demo.queue'], ['timing', 'demo.load'], ['set', 'demo.users']]) {
    await page.click(`[data-sample=${sample}]`);
    await page.waitForFunction((start) => [...document.querySelectorAll('#lines span')].some((span) => span.textContent.startsWith(start)), series);
  }
  await page.click('[data-sample=batch]');
  await hasOutcome(page, 'Accepted: 20 metrics.', false);
  assert.match(await page.locator('#code').textContent(), /demo\.users/);
  await page.click('#burst');
  await page.waitForSelector('#burst[aria-pressed=true]');
  await page.waitForFunction(() => document.querySelector('#plot-set tbody td').textContent !== '–');
  await hasRow(page, 'set', 'demo.users', '50');
  await page.click('#burst');
  await hasOutcome(page, 'Burst over', false);
}

// pause checks that the button pauses the list, but not the tables.
async function pause(page) {
  await page.click('#pause');
  const before = await page.locator('#lines').textContent();
  await send(page, { name: 'paused', type: 'gauge', value: '3' });
  await hasRow(page, 'gauge', 'paused', '3');
  await page.waitForSelector('#count:text("since the pause")');
  assert.equal(await page.locator('#lines').textContent(), before);
  await page.click('#pause');
  await hasLine(page, 'paused:3|g');
}

// oddLines sends lines that would break the page as markup or as parts of an event.
async function oddLines(page) {
  const [host, port] = options.statsd.split(':');
  const socket = createSocket('udp4');
  for (const line of ['<img src=x onerror=alert(1)>:1|c', 'a\rdata: b', '\u2028:1|c', Buffer.from([0xff, 0xfe]), 'odd.end:1|c']) {
    await new Promise((resolve, reject) => socket.send(line, Number(port), host, (error) => (error ? reject(error) : resolve())));
  }
  socket.close();
  await hasLine(page, 'odd.end:1|c');
  await hasLine(page, '<img src=x onerror=alert(1)>:1|c');
  await hasLine(page, 'a\rdata: b');
  await hasLine(page, '\ufffd\ufffd');
  assert.equal(await page.locator('img').count(), 0);
}

// keyboard uses the page without a mouse.
async function keyboard(page) {
  const focused = () =>
    page.evaluate(() => {
      const { id, name, dataset, textContent } = document.activeElement;
      return id || name || dataset.sample || textContent;
    });
  const order = [];
  for (let i = 0; i < 21; i++) {
    await page.keyboard.press('Tab');
    order.push(await focused());
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none', `${order.at(-1)} shows no focus`);
  }
  assert.deepEqual(order, [
    'count', 'gauge', 'shift', 'timing', 'set', 'batch', 'burst',
    'type', 'value', 'name', 'tags', 'sampleRate', 'times', 'token', 'by', 'Send',
    'pause', 'lines', 'copy', 'tab-curl', 'code',
  ]);
  await page.keyboard.press('Shift+Tab');
  for (const [key, tab] of [['ArrowRight', 'fetch'], ['ArrowRight', 'client'], ['ArrowRight', 'curl'], ['ArrowLeft', 'client'], ['Home', 'curl'], ['End', 'client']]) {
    await page.keyboard.press(key);
    assert.equal(await focused(), `tab-${tab}`);
    assert.equal(await page.locator('[aria-selected=true]').textContent(), tab);
    assert.equal(await page.locator('#code').getAttribute('aria-labelledby'), `tab-${tab}`);
  }
  assert.match(await page.locator('#code').textContent(), /new StatsD/);

  await page.locator('[data-sample=count]').focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.getElementById('lines').textContent.includes('demo.clicks'));
  for (let i = 0; i < 7; i++) {
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('g'); // selects the gauge
  await page.keyboard.press('Tab');
  await page.keyboard.type('42');
  await page.keyboard.press('Tab');
  await page.keyboard.type('by.keyboard');
  await page.keyboard.press('Enter');
  await hasLine(page, 'by.keyboard:42|g');
}

// look takes a screenshot and checks the page for accessibility with axe.
async function look(page, name) {
  await page.screenshot({ path: join(options.shots, `${name}.png`), fullPage: true });
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => axe.run(document));
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join('\n')}`), [], name);
  assert.ok(passes.length > 20, `axe has made only ${passes.length} checks`);
}

// modules tests the parser of lines and the series in the page.
async function modules(page) {
  const { parsed, board } = await page.evaluate(async () => {
    const { Board, MAX_SERIES, parse } = await import('/demo/series.js');
    const parsed = Object.fromEntries(
      [
        'a:1|c', 'a,k=v:1|c|@0.5', 'a;k=v:1|c', 'a:1|c|@0.5|#k:v', 'a:-2|g', 'a:1|h', 'a:1|d', 'a:x|s',
        '', ':', 'a', ':1|c', 'a:1', 'a:1|x', 'a:|c', 'a:x|c', 'a:1|constructor',
      ].map((line) => {
        const metric = parse(line);
        return [line, metric && [metric.series, metric.kind, metric.value, metric.rate].join(' ')];
      }),
    );

    const board = new Board(100);
    const last = (kind) => Object.fromEntries(board.kinds[kind].slots.filter(Boolean).map(({ name, points }) => [name, points.map((line) => line.at(-1))]));
    const add = (...lines) => lines.flat().forEach((line) => board.add(parse(line)));
    const seen = {};
    add('a:1|c', 'a:2|c|@0.1', 'g:5|g', 'g:-2|g', 's:x|s', 's:y|s', 's:x|s', Array.from({ length: 100 }, (_, i) => `t:${100 - i}|ms`));
    seen.early = board.advance(100.9);
    seen.due = board.advance(101);
    seen.first = ['count', 'gauge', 'set', 'timing'].map(last);
    board.advance(110);
    seen.window = ['set', 'timing'].map(last);
    board.advance(112);
    seen.silent = ['count', 'gauge', 'set', 'timing'].map(last);
    board.advance(50); // the clock goes back
    add('a:7|c');
    board.advance(51);
    seen.back = last('count');
    // There are more names than the board keeps, so it drops the oldest ones.
    add(Array.from({ length: 3 * MAX_SERIES }, (_, i) => `n${i}:1|c`));
    seen.names = Object.keys(last('count'));
    add(Array.from({ length: 100000 }, (_, i) => `m:${i}|s`), Array.from({ length: 100000 }, () => 't:1|ms'));
    seen.members = board.kinds.set.byName.get('m').aggregate.lastSeen.size;
    seen.timings = board.kinds.timing.byName.get('t').aggregate.values.length;
    return { parsed, board: seen };
  });
  assert.deepEqual(parsed, {
    'a:1|c': 'a count 1 1',
    'a,k=v:1|c|@0.5': 'a,k=v count 1 0.5',
    'a;k=v:1|c': 'a;k=v count 1 1',
    'a:1|c|@0.5|#k:v': 'a #k:v count 1 0.5',
    'a:-2|g': 'a gauge -2 1',
    'a:1|h': 'a timing 1 1',
    'a:1|d': 'a timing 1 1',
    'a:x|s': 'a set NaN 1',
    ...Object.fromEntries(['', ':', 'a', ':1|c', 'a:1', 'a:1|x', 'a:|c', 'a:x|c', 'a:1|constructor'].map((line) => [line, null])),
  });
  assert.deepEqual(board, {
    early: false,
    due: true,
    first: [{ a: [21] }, { g: [3] }, { s: [2] }, { t: [50, 95, 99] }],
    window: [{ s: [2] }, { t: [50, 95, 99] }],
    silent: [{ a: [0] }, { g: [3] }, { s: [0] }, { t: [null, null, null] }],
    back: { a: [7] },
    names: ['n5', 'n6', 'n7', 'n8', 'n4'].sort(),
    members: 10000,
    timings: 500,
  });
}

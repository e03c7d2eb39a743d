// Functions that the tests of the demo page share.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

// withDemo opens the page in a headless Chromium, runs walk and closes the page. It fails
// if the page sends a request to another origin, logs an error or does not catch one. walk
// begins when the stream has the given state.
export async function withDemo({ chromium: executablePath, url, state = 'live' }, settings, walk) {
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 1080 }, ...settings });
    const page = await context.newPage();
    page.setDefaultTimeout(60000);
    const faults = [];
    context.on('request', (request) => {
      if (new URL(request.url()).origin !== url) {
        faults.push(`a request of ${request.url()}`);
      }
    });
    page.on('pageerror', (error) => faults.push(error.stack));
    page.on('console', (message) => {
      // The browser itself logs each response with an error status.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
        faults.push(message.text());
      }
    });
    await page.goto(url);
    await hasState(page, state);
    await walk(page);
    assert.deepEqual(faults, []);
  } finally {
    await browser.close();
  }
}

// hasState waits until the page shows the state of its event stream.
export const hasState = (page, state) => page.waitForSelector(`#stream[data-state=${state}]`);

// hasLine waits until the page lists the line.
export const hasLine = (page, line) =>
  page.waitForFunction((text) => [...document.querySelectorAll('#lines span')].some((span) => span.textContent === text), line);

// hasOutcome waits until the text beside the form contains text. It fails unless isError
// says whether the page shows the text as an error.
export async function hasOutcome(page, text, isError) {
  try {
    await page.waitForFunction((part) => document.getElementById('outcome').textContent.includes(part), text);
  } catch (error) {
    throw new Error(`the outcome is "${await page.locator('#outcome').textContent()}", want "${text}"`, { cause: error });
  }
  assert.equal(await page.locator('#outcome').evaluate((element) => element.classList.contains('error')), isError, `"${text}" is shown as an error`);
}

// hasRow waits until the table of a kind has a row with these texts.
export const hasRow = (page, kind, ...texts) =>
  page.waitForFunction(
    ([table, want]) => [...document.querySelectorAll(`${table} tbody tr`)].some((row) => [...row.cells].map((cell) => cell.textContent).join('|') === want),
    [`#plot-${kind}`, texts.join('|')],
  );

// send fills in the form and sends it.
export async function send(page, { type = 'count', by = 'client', ...fields }) {
  await page.selectOption('[name=type]', type);
  for (const [name, value] of Object.entries({ value: '1', tags: '', sampleRate: '', times: '1', ...fields })) {
    await page.fill(`[name=${name}]`, value);
  }
  await page.check(`[value=${by}]`);
  await page.click('button[type=submit]');
}

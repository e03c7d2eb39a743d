// Checks what the demo page shows if the proxy requires tokens.
//
//   usage: node demo-errors.mjs '{"chromium": "/usr/bin/chromium", "url": URL, "token": TOKEN, "wrong": TOKEN}'

import assert from 'node:assert/strict';
import { hasLine, hasOutcome, hasState, send, withDemo } from './demo-page.mjs';

const options = JSON.parse(process.argv[2]);
const { token, wrong } = options;

// The page asks for a token, and shows the lines when it has one.
await withDemo({ ...options, state: 'unauthorized' }, {}, async (page) => {
  const asks = async (text) => assert.equal(await page.locator('#stream').textContent(), text);
  await asks('enter a token');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'token');
  await page.fill('[name=token]', wrong);
  await page.keyboard.press('Tab');
  await page.waitForFunction(() => document.getElementById('stream').textContent === 'enter a valid token');
  await page.fill('[name=token]', token);
  await page.keyboard.press('Tab');
  await hasState(page, 'live');
  for (const by of ['client', 'fetch']) {
    for (const [used, outcome, isError] of [
      ['', '401', true],
      [wrong, '403', true],
      [token, 'Accepted: one metric.', false],
      [wrong, '403', true],
      [token, 'Accepted: one metric.', false],
    ]) {
      await send(page, { name: `${by}.token`, token: used, by });
      await hasOutcome(page, outcome, isError);
    }
    await hasLine(page, `${by}.token:1|c`);
  }
  // The code has a variable in place of the token.
  for (const [tab, text] of [['curl', '"X-JWT-Token: $TOKEN"'], ['fetch', "'X-JWT-Token': token"], ['client', '\n  token,\n']]) {
    await page.click(`#tab-${tab}`);
    const code = await page.locator('#code').textContent();
    assert.ok(code.includes(text) && !code.includes(token), code);
  }
});

// Runs the commands of a test in a headless Chromium: opens, hides and closes tabs and
// runs code in them. Standard input has one command a line, as JSON. The script answers
// each with a line: the number of the command and {"value": ...} or {"error": ...}. Line
// 0 says that the browser is ready. The browser closes when standard input ends.
//
//   usage: node client.mjs '{"chromium": "/usr/bin/chromium", "port": "23456"}'

import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const options = JSON.parse(process.argv[2]);

const launched = await chromium.launch({
  executablePath: options.chromium,
  // Let pages come back from the back/forward cache, as in a normal browser.
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--ignore-certificate-errors', `--remote-debugging-port=${options.port}`],
});
try {
  // With Playwright's defaults a page in a background tab is not told that it is hidden.
  const browser = await chromium.connectOverCDP(`http://127.0.0.1:${options.port}`, { noDefaults: true });
  const [window] = browser.contexts();
  const pages = [];

  const commands = {
    // open opens a tab in front of the other tabs and returns its number.
    async open({ url }) {
      const page = await window.newPage();
      page.uncaught = [];
      page.on('pageerror', (error) => page.uncaught.push(String(error)));
      page.on('console', (message) => console.error(`page ${pages.length}: ${message.text()}`));
      await page.goto(url);
      return pages.push(page) - 1;
    },
    // run runs code in the page. The code may use await and return.
    run: ({ page, code }) => pages[page].evaluate(`(async () => { ${code}\n})()`),
    click: ({ page, text }) => pages[page].click(`text=${text}`),
    front: ({ page }) => pages[page].bringToFront(),
    goto: ({ page, url }) => pages[page].goto(url).then(() => null),
    back: ({ page }) => pages[page].goBack({ waitUntil: 'commit' }).then(() => null),
    close: ({ page }) => pages[page].close(),
    // uncaught returns the errors that the page has not caught.
    uncaught: ({ page }) => pages[page].uncaught,
  };

  console.log('0 {}');
  let number = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    const { command, ...argument } = JSON.parse(line);
    const answer = {};
    try {
      answer.value = (await commands[command](argument)) ?? null;
    } catch (error) {
      answer.error = String(error);
    }
    console.log(`${++number} ${JSON.stringify(answer)}`);
  }
} finally {
  await launched.close();
}

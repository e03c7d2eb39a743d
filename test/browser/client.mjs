// Does in a headless Chromium what a test asks for: opens tabs, runs code in
// them, hides, leaves and closes them. Standard input holds a command a line, as
// JSON; to each the answer is a line of JSON, {"value": ...} or {"error": ...},
// behind the command's number. Line 0 says that the browser is there. It stays
// until standard input ends.
//
//   usage: node client.mjs '{"chromium": "/usr/bin/chromium", "port": "23456"}'

import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const options = JSON.parse(process.argv[2]);

const launched = await chromium.launch({
  executablePath: options.chromium,
  // A page may come back from the cache as it was left, as in anybody's browser.
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', `--remote-debugging-port=${options.port}`],
});
try {
  // A page that Playwright drives with its defaults believes that it is seen,
  // also behind another tab. Without them it is told the truth.
  const browser = await chromium.connectOverCDP(`http://127.0.0.1:${options.port}`, { noDefaults: true });
  const [window] = browser.contexts();
  const pages = [];

  const commands = {
    // open opens a tab in front of the others and returns its number.
    async open({ url }) {
      const page = await window.newPage();
      page.uncaught = [];
      page.on('pageerror', (error) => page.uncaught.push(String(error)));
      page.on('console', (message) => console.error(`page ${pages.length}: ${message.text()}`));
      await page.goto(url);
      return pages.push(page) - 1;
    },
    // run runs code, which may await and return, in the page.
    run: ({ page, code }) => pages[page].evaluate(`(async () => { ${code}\n})()`),
    click: ({ page, text }) => pages[page].click(`text=${text}`),
    front: ({ page }) => pages[page].bringToFront(),
    goto: ({ page, url }) => pages[page].goto(url).then(() => null),
    back: ({ page }) => pages[page].goBack({ waitUntil: 'commit' }).then(() => null),
    close: ({ page }) => pages[page].close(),
    // uncaught returns the errors that nobody in the page has caught.
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

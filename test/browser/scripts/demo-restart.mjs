// Watches the demo page while its proxy restarts. It prints each state of the page that
// it has waited for.
//
//   usage: node demo-restart.mjs '{"chromium": "/usr/bin/chromium", "url": URL}'

import { hasLine, hasState, send, withDemo } from './demo-page.mjs';

await withDemo(JSON.parse(process.argv[2]), {}, async (page) => {
  console.log('live');
  await hasState(page, 'reconnecting');
  console.log('reconnecting');
  await hasState(page, 'live');
  await send(page, { name: 'back' });
  await hasLine(page, 'back:1|c');
});

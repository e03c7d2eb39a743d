// The demo page: it sends metrics on the left and shows what StatsD receives on
// the right.

import { startCode } from './code.js';
import { startLines } from './lines.js';
import { startPlots } from './plots.js';
import { startSending } from './send.js';
import { Board, parse } from './series.js';

const seconds = () => Date.now() / 1000;

const board = new Board(seconds());
const showLines = startLines();
const drawPlots = startPlots(board);
startSending(startCode());

const streamState = document.getElementById('stream');
const setState = (text) => {
  streamState.dataset.state = text;
  streamState.textContent = `stream ${text}`;
};

// connect opens the stream of lines. The browser reconnects when the stream ends,
// but not after an error response, for example if too many pages are watching.
function connect() {
  const events = new EventSource('/demo/events');
  events.addEventListener('open', () => setState('live'));
  events.addEventListener('error', () => {
    setState('reconnecting');
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(connect, 5000);
    }
  });
  events.addEventListener('message', ({ data }) => {
    const event = JSON.parse(data);
    board.advance(seconds());
    for (const line of event.lines) {
      const metric = parse(line);
      if (metric) {
        board.add(metric);
      }
    }
    showLines(event);
  });
}
connect();

// The plots move at the end of each second.
function tick() {
  board.advance(seconds());
  if (!document.hidden) { // a hidden page draws no frames, so the requests would add up
    requestAnimationFrame(drawPlots);
  }
  setTimeout(tick, 1000 - (Date.now() % 1000));
}
tick();

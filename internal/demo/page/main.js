// The demo page: what is sent on the left, what StatsD receives on the right.

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

const state = document.getElementById('stream');
const setState = (text) => {
  state.dataset.state = text;
  state.textContent = `stream ${text}`;
};

// The browser opens the stream again when it ends, except after an answer that
// is an error: then there are too many pages, or what comes back is no demo.
function watch() {
  const events = new EventSource('/demo/events');
  events.addEventListener('open', () => setState('live'));
  events.addEventListener('error', () => {
    setState('reconnecting');
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(watch, 5000);
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
watch();

// Plots move once a second, when a second is over.
function tick() {
  board.advance(seconds());
  if (!document.hidden) { // then no frame would come, and more and more would wait for it
    requestAnimationFrame(drawPlots);
  }
  setTimeout(tick, 1000 - (Date.now() % 1000));
}
tick();

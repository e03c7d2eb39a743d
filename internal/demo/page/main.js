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

const RETRY_INTERVAL = 5000; // ms

const streamState = document.getElementById('stream');
const setState = (state, text = `stream ${state}`) => {
  streamState.dataset.state = state;
  streamState.textContent = text;
};

const token = document.querySelector('[name=token]');
token.addEventListener('change', () => {
  if (streamState.dataset.state === 'unauthorized') {
    connect();
  }
});

// eventsURL returns the URL of the stream, with the current token.
function eventsURL() {
  const text = token.value.trim();
  return text === '' ? '/demo/events' : `/demo/events?token=${encodeURIComponent(text)}`;
}

// connect opens the stream of lines. The browser reconnects when the stream ends,
// but not after an error response.
function connect() {
  const url = eventsURL();
  setState('connecting');
  const events = new EventSource(url);
  events.addEventListener('open', () => setState('live'));
  events.addEventListener('error', () => {
    setState('reconnecting');
    if (events.readyState === EventSource.CLOSED) {
      retry(url);
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

// retry connects again after an error response: when the token changes, if that is
// needed, or else after a while. An EventSource does not have the status of the
// response, so retry asks for it.
async function retry(url) {
  const status = await fetch(url, { method: 'HEAD' }).then((response) => response.status, () => 0);
  if (url !== eventsURL()) { // another token was entered meanwhile
    connect();
  } else if (status === 401 || status === 403) {
    setState('unauthorized', status === 401 ? 'enter a token' : 'enter a valid token');
    token.focus();
  } else {
    setTimeout(connect, RETRY_INTERVAL);
  }
}

// The plots move at the end of each second.
function tick() {
  board.advance(seconds());
  if (!document.hidden) { // a hidden page draws no frames, so the requests would add up
    requestAnimationFrame(drawPlots);
  }
  setTimeout(tick, 1000 - (Date.now() % 1000));
}
tick();

// The list of the last received lines. It is drawn at most ten times a second.

const MAX_LINES = 200;
const DRAW_INTERVAL = 100; // ms

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
const number = new Intl.NumberFormat('en');

// startLines returns a function that shows the lines of an event of the stream.
export function startLines() {
  const list = document.getElementById('lines');
  const pause = document.getElementById('pause');
  const count = document.getElementById('count');
  let pending = []; // items that are not drawn yet, at most MAX_LINES
  let total = 0;
  let skipped = 0;
  let unseen = 0; // lines received since the pause
  let isScheduled = false;

  const isPaused = () => pause.getAttribute('aria-pressed') === 'true';

  function draw() {
    isScheduled = false;
    const parts = [`${number.format(total)} ${total === 1 ? 'line' : 'lines'}`];
    if (skipped > 0) {
      parts.push(`${number.format(skipped)} skipped`);
    }
    if (unseen > 0) {
      parts.push(`${number.format(unseen)} since the pause`);
    }
    count.textContent = parts.join(', ');
    if (isPaused() || pending.length === 0) {
      return;
    }
    // The list scrolls to its end, unless the user has scrolled up.
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
    list.append(...pending.map(item));
    pending = [];
    while (list.childElementCount > MAX_LINES) {
      list.firstElementChild.remove();
    }
    if (isAtEnd) {
      list.scrollTop = list.scrollHeight;
    }
  }

  // A hidden page draws no frames, and keeps up to MAX_LINES items until it is
  // visible.
  function drawSoon() {
    if (!isScheduled) {
      isScheduled = true;
      setTimeout(() => requestAnimationFrame(draw), DRAW_INTERVAL);
    }
  }

  pause.addEventListener('click', () => {
    pause.setAttribute('aria-pressed', String(!isPaused()));
    unseen = 0;
    draw();
  });

  return ({ lines, skipped: more }) => {
    const time = clock.format(Date.now());
    total += lines.length;
    skipped += more;
    unseen += isPaused() ? lines.length : 0;
    for (const text of lines.slice(-MAX_LINES)) {
      pending.push({ time, text });
    }
    if (more > 0) {
      pending.push({ time, text: `${number.format(more)} lines skipped, because this page reads too slowly`, isSkipped: true });
    }
    pending = pending.slice(-MAX_LINES);
    drawSoon();
  };
}

// item returns the element for a line. A line may contain HTML, so the element
// shows it as text.
function item({ time, text, isSkipped }) {
  const element = document.createElement('div');
  element.className = isSkipped ? 'skipped' : '';
  const stamp = document.createElement('time');
  stamp.textContent = time;
  const line = document.createElement('span');
  line.textContent = text;
  element.append(stamp, line);
  return element;
}

// The list of lines as they arrive: the last ones only, drawn ten times a second
// at most however many come.

const MOST = 200;
const INTERVAL = 100; // ms

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
const number = new Intl.NumberFormat('en');

// startLines returns a function that takes what an event of the stream tells.
export function startLines() {
  const list = document.getElementById('lines');
  const pause = document.getElementById('pause');
  const count = document.getElementById('count');
  let waiting = []; // items to show, at most MOST
  let total = 0;
  let skipped = 0;
  let unseen = 0; // lines since the pause
  let isDue = false;

  const isPaused = () => pause.getAttribute('aria-pressed') === 'true';

  function draw() {
    isDue = false;
    const parts = [`${number.format(total)} ${total === 1 ? 'line' : 'lines'}`];
    if (skipped > 0) {
      parts.push(`${number.format(skipped)} skipped`);
    }
    if (unseen > 0) {
      parts.push(`${number.format(unseen)} since the pause`);
    }
    count.textContent = parts.join(', ');
    if (isPaused() || waiting.length === 0) {
      return;
    }
    // It follows the end unless somebody has scrolled away from there.
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
    list.append(...waiting.map(item));
    waiting = [];
    while (list.childElementCount > MOST) {
      list.firstElementChild.remove();
    }
    if (follows) {
      list.scrollTop = list.scrollHeight;
    }
  }

  // A page that is hidden draws no frames and keeps MOST items until it does.
  function drawSoon() {
    if (!isDue) {
      isDue = true;
      setTimeout(() => requestAnimationFrame(draw), INTERVAL);
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
    for (const text of lines.slice(-MOST)) {
      waiting.push({ time, text });
    }
    if (more > 0) {
      waiting.push({ time, text: `${number.format(more)} lines skipped: they came faster than this page reads`, isSkipped: true });
    }
    waiting = waiting.slice(-MOST);
    drawSoon();
  };
}

// item returns the element of a line. Anybody may have sent it: it is text.
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

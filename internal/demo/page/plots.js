// Draws the series of a board: a plot for each kind, and a table of the latest
// values. The table also serves people who cannot see the plot.

import { MAX_SERIES, SECONDS, lineNames } from './series.js';

const KINDS = {
  count: { title: 'Counters', note: 'rate in each second', extra: ['total', ({ aggregate }) => aggregate.total] },
  gauge: { title: 'Gauges', note: 'last value' },
  timing: { title: 'Timings', note: 'percentiles of the last 10 s, in ms' },
  set: { title: 'Sets', note: 'unique values of the last 10 s' },
};

const DASHES = [[], [6, 4], [2, 3]]; // p50, p95, p99

// The x axis has the seconds up to now. TIMES are its points, and AGO are the ones
// with a label.
const TIMES = Array.from({ length: SECONDS }, (_, i) => i + 1 - SECONDS);
const AGO = [-90, -60, -30, 0];

const HEIGHT = 152; // as in page.css, .plot

const numbers = new Intl.NumberFormat('en', { maximumSignificantDigits: 4, notation: 'compact' });
const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

const format = (value) => (value === null ? '–' : Math.abs(value) < 1e6 ? exact.format(value) : numbers.format(value));

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

class Plot {
  constructor(figure, kind) {
    this.kind = kind;
    const { title, note, extra } = KINDS[kind];
    const lines = lineNames(kind);
    this.extra = extra;

    const place = make('div', { className: 'plot' });
    place.setAttribute('role', 'img');
    place.setAttribute('aria-label', `${title} over the last two minutes; the table has the latest values`);
    const heads = [...lines, ...(extra ? [extra[0]] : [])];
    this.rows = Array.from({ length: MAX_SERIES }, (_, slot) => {
      const swatch = make('span', { className: 'swatch' });
      const name = make('span');
      const cells = heads.map(() => make('td'));
      const row = make('tr', {}, make('th', { scope: 'row' }, swatch, name), ...cells);
      return { row, name, cells, swatch, slot };
    });
    const column = (textContent, className = '') => make('th', { scope: 'col', textContent, className });
    const table = make(
      'table',
      {},
      make('thead', {}, make('tr', {}, column('series'), ...heads.map((head) => column(head, lines.length > 1 ? 'line' : '')))),
      make('tbody', {}, ...this.rows.map(({ row }) => row)),
    );
    table.setAttribute('aria-label', `${title}, latest values`);
    figure.append(make('figcaption', {}, make('h2', { textContent: title }), make('span', { className: 'note', textContent: note })), place, table);

    const axis = { stroke: () => css('--muted'), grid: { stroke: () => css('--grid'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    this.chart = new uPlot(
      {
        width: place.clientWidth || 300,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false, range: [1 - SECONDS, 0] }, y: { range: kind === 'gauge' ? around : fromZero } },
        axes: [
          { ...axis, size: 24, splits: () => AGO, values: () => AGO.map((second) => (second === 0 ? 'now' : `${second} s`.replace('-', '−'))) },
          { ...axis, size: 52, space: 28, values: (_, values) => values.map((value) => numbers.format(value)) },
        ],
        series: [
          {},
          ...this.rows.flatMap(({ slot }) =>
            lines.map((_, line) => ({
              stroke: () => css(`--series-${slot}`),
              width: line === 0 ? 2 : 1.25,
              dash: DASHES[line],
              points: { show: false },
            })),
          ),
        ],
      },
      [[], ...this.rows.flatMap(() => lines.map(() => []))],
      place,
    );
    new ResizeObserver(() => this.chart.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  }

  draw(board) {
    const { slots } = board.kinds[this.kind];
    const empty = Array(SECONDS).fill(null);
    const lines = lineNames(this.kind);
    this.chart.setData([TIMES, ...slots.flatMap((series) => series?.points ?? lines.map(() => empty))]);
    for (const { name, cells, swatch, slot } of this.rows) {
      const series = slots[slot];
      const values = series ? series.points.map((points) => points.at(-1)) : [];
      if (series && this.extra) {
        values.push(this.extra[1](series));
      }
      name.textContent = series?.name ?? (slot === 0 ? 'nothing yet' : '');
      name.parentElement.title = name.textContent;
      swatch.style.background = series ? `var(--series-${slot})` : 'none';
      cells.forEach((cell, i) => {
        cell.textContent = i in values ? format(values[i]) : '';
      });
    }
  }

  updateColors() {
    this.chart.redraw(false, true);
  }
}

// The ranges of the y axis: from zero with room above, or around the values.
const fromZero = (_, min, max) => [0, max > 0 ? max * 1.1 : 1];
const around = (_, min, max) => {
  if (min === null) {
    return [0, 1];
  }
  const room = (max - min) * 0.1 || Math.abs(max) * 0.1 || 1;
  return [min - room, max + room];
};

// startPlots draws board and returns a function that redraws it.
export function startPlots(board) {
  const plots = Object.keys(KINDS).map((kind) => new Plot(document.getElementById(`plot-${kind}`), kind));
  const draw = () => plots.forEach((plot) => plot.draw(board));
  draw();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plots.forEach((plot) => plot.updateColors()));
  return draw;
}

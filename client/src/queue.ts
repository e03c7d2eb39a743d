// The parts of the queue that need no state: what makes a batch, and which counts
// are added up.

import { byteLength, textOf, type Line } from './line.js';

/** Returns the number of lines in the next batch: as many as fit into maxBytes, at most maxCount, at least one. */
export const batchLength = (queue: Line[], maxBytes: number, maxCount: number) => {
  let count = 0;
  for (const line of queue) {
    maxBytes -= byteLength(textOf(line)) + 1;
    if (count && (maxBytes < 0 || count >= maxCount)) {
      break;
    }
    count++;
  }
  return count;
};

/** Reports whether a line is a count. */
export const isCount = (line: Line) => line[2][1] == 'c';

/** Returns the parts of a line that two counts must have in common to be added up. */
export const keyOf = (line: Line) => line[0] + line[2];

/** Adds line to a queued count and reports whether it could: there is one, and the sum is exact. */
export const addToCount = (queued: Line | undefined, line: Line) => {
  const sum = +queued?.[1]! + +line[1];
  if (Math.abs(sum) < 2 ** 53) {
    queued![1] = sum;
    return true;
  }
};

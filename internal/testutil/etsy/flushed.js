// A StatsD backend that writes what StatsD flushes, as one JSON object, to the
// file that the configuration calls flushedFile. Unlike the management port it
// shows the sets and how often each timer was observed.
'use strict';

const fs = require('fs');

exports.init = (startupTime, config, events) => {
  events.on('flush', (time, metrics) => {
    const sets = {};
    for (const [name, set] of Object.entries(metrics.sets)) {
      sets[name] = set.values().sort();
    }
    const { counters, gauges, timers, timer_counters: timerCounts } = metrics;
    // StatsD flushes as it exits too, when only synchronous calls still work.
    fs.writeFileSync(config.flushedFile, JSON.stringify({ counters, gauges, timers, timerCounts, sets }));
  });
  return true;
};

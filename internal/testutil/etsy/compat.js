// Loaded ahead of StatsD 0.9.0, which calls util.log. Node.js 23 removed it.
'use strict';

const util = require('util');

if (!util.log) {
  util.log = (...args) => console.log(...args);
}

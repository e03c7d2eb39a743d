// Sends metrics with an HTTP client of Node.js, see driver_test.go. The argument names
// the client.
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import readline from 'node:readline';

const agent = new http.Agent({ keepAlive: true });

// Each returns a function that posts a body and returns the status.
const clients = {
  fetch: async () => [process.versions.node, async (url, body) => {
    const response = await fetch(url, { method: 'POST', body });
    await response.arrayBuffer();
    return response.status;
  }],
  'node:http': async () => [process.versions.node, (url, body) => new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
    request.end(body);
  })],
  axios: async () => {
    const { default: axios } = await import('axios');
    return [axios.VERSION, async (url, body) => {
      const response = await axios.post(url, body, { httpAgent: agent, validateStatus: () => true });
      return response.status;
    }];
  },
  got: async () => {
    const { default: got } = await import('got');
    const options = { agent: { http: agent }, throwHttpErrors: false };
    const manifest = await readFile(new URL('../../node_modules/got/package.json', import.meta.url));
    return [JSON.parse(manifest).version, async (url, body) => (await got.post(url, { ...options, body })).statusCode];
  },
  'node:http2': async () => {
    const sessions = new Map(); // by origin
    const connect = (origin) => {
      if (!sessions.has(origin)) {
        const forget = () => sessions.delete(origin); // the next request connects again
        sessions.set(origin, http2.connect(origin, { rejectUnauthorized: false }).on('close', forget).on('goaway', forget).on('error', forget));
      }
      return sessions.get(origin);
    };
    return [process.versions.node, (url, body) => new Promise((resolve, reject) => {
      const { origin, pathname } = new URL(url);
      const request = connect(origin).request({ ':method': 'POST', ':path': pathname });
      request.on('response', (headers) => request.resume().on('end', () => resolve(headers[':status'])));
      request.on('error', reject);
      request.end(body);
    })];
  },
  'got over HTTP/2': async () => {
    const { default: got } = await import('got');
    const options = { http2: true, https: { rejectUnauthorized: false }, throwHttpErrors: false, retry: { limit: 0 } };
    return ['', async (url, body) => {
      const response = await got.post(url, { ...options, body });
      if (response.httpVersion !== '2.0') throw new Error(`HTTP/${response.httpVersion}`);
      return response.statusCode;
    }];
  },
};

const [version, post] = await clients[process.argv[2]]();
console.log(`ready ${version}`);
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [url, size] = line.split(' ');
  const body = size === '0' ? '{"value": 1}' : 'x'.repeat(Number(size));
  const start = performance.now();
  try {
    console.log(`${await post(url, body)} ${performance.now() - start}`);
  } catch (error) {
    console.log(`error ${String(error.cause?.message ?? error).replaceAll('\n', ' ')}`);
  }
}
process.exit();

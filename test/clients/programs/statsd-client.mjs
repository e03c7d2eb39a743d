// Sends metrics with the npm package statsd-client. The arguments are the address of the
// proxy and a token.
import StatsDClient from 'statsd-client';

const [address, token] = process.argv.slice(2);
const client = new StatsDClient({
  host: `${address}/batch`, prefix: 'shop', tags: { region: 'eu', env: 'prod' }, headers: { 'X-JWT-Token': token },
});
client.increment('visits').increment('visits', 4).decrement('stock', 2).counter('ratio', 0.5);
client.gauge('level', 7).gauge('cold', 0).gauge('cold', -5).gaugeDelta('level', -3).gaugeDelta('level', 2.5);
client.set('users', 'alice').timing('spent', 320, { page: 'home' }).histogram('size', 12).distribution('length', 3);
client.getChildClient('cart').increment('items', 2, { env: 'test' });
client.close();

// More than fits into one request of this client.
const many = new StatsDClient({ host: `${address}/batch`, headers: { 'X-JWT-Token': token }, maxBufferSize: 1000 });
for (let i = 0; i < 300; i++) {
  many.increment(`many.with.a.long.name.${i}`);
}
many.close();

// An application on ioredis, node-redis and BullMQ, the clients and the job queue that most Node.js
// services have. Prints what it sees; times and ids of servers are left out.
//
// Usage: node client.mjs PORT

import { createRequire } from 'node:module';

// The packages lie in the working directory.
const load = createRequire(`${process.cwd()}/`);
const Redis = load('ioredis');
const { createClient } = load('redis');
const { Queue, Worker } = load('bullmq');

const port = Number(process.argv[2]);
const show = (...what) => console.log(JSON.stringify(what));

const first = new Redis(port);
await first.flushall();
show(await first.set('a', '1', 'EX', 100), await first.get('a'), await first.ttl('a'));
show(await first.pipeline().incr('a').hset('h', { x: 1, y: 'z' }).hgetall('h').lpush('a', 1).exec()
  .then((replies) => replies.map(([error, reply]) => [error?.message ?? null, reply])));
show(await first.multi().set('m', '1').get('m').exec());
first.defineCommand('echoes', { numberOfKeys: 1, lua: 'return {KEYS[1], ARGV[1]}' });
show(await first.echoes('k', 'v'), await first.echoes('k', 'w'));
await first.xadd('events', '*', 'kind', 'login');
show((await first.xrange('events', '-', '+')).map(([, fields]) => fields));
show(await first.zadd('z', 1, 'a', 2, 'b'), await first.zrange('z', 0, -1, 'WITHSCORES'));
let seen = [];
for await (const keys of first.scanStream({ count: 10 })) seen = seen.concat(keys);
show(seen.sort());

const subscriber = new Redis(port);
await subscriber.psubscribe('news.*');
const heard = new Promise((done) => subscriber.on('pmessage', (...what) => done(what)));
await first.publish('news.today', 'hello');
show(await heard);

const waiter = new Redis(port);
const waited = waiter.blpop('queue', 5);
await first.rpush('queue', 'x');
show(await waited);

for (const RESP of [2, 3]) {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP });
  await client.connect();
  show(await client.set('k', 'v'), await client.get('k'), await client.hGetAll('h'));
  show(await client.zRangeWithScores('z', 0, -1), await client.multi().incr('n').incr('n').exec());
  show(await client.sAdd('s', ['a', 'b']), (await client.sMembers('s')).sort());
  show(await client.geoAdd('g', { longitude: 13.361389, latitude: 38.115556, member: 'P' }),
    await client.geoPos('g', 'P'), await client.pfAdd('visits', ['a', 'b']), await client.pfCount('visits'));
  await client.close();
}

const connection = { host: '127.0.0.1', port };
const queue = new Queue('jobs', { connection });
const worker = new Worker('jobs', async (job) => job.data.number * 2, { connection });
const worked = new Promise((done, failed) => {
  worker.on('completed', (_, result) => done(result));
  worker.on('failed', (_, error) => failed(error));
});
await queue.add('double', { number: 21 });
show('job', await worked);
show(await queue.getJobCounts('completed', 'failed', 'wait'));
await worker.close();
await queue.close();
[first, subscriber, waiter].forEach((client) => client.disconnect());

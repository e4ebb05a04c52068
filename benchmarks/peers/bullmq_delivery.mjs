// The peer of delivery: a BullMQ worker that posts with a pool of undici.
// The argument is JSON: redisUrl, url, count, concurrency, headers, body. Prints jobs per second, from the
// first one taken to the last one completed.

import { Queue, Worker } from "bullmq";
import { Pool } from "undici";

const { redisUrl, url, count, concurrency, headers, body } = JSON.parse(process.argv[2]);
const BULK = 500;

// As its documentation has it; finished jobs stay, which is the default and was measured to be faster.
const connection = { url: redisUrl };

async function fill() {
  const queue = new Queue("delivery", { connection });
  for (let left = count; left > 0; left -= BULK) {
    const jobs = Array.from({ length: Math.min(left, BULK) }, () => ({ name: "post", data: { url, headers, body } }));
    await queue.addBulk(jobs);
  }
  await queue.close();
}

async function deliver() {
  const pool = new Pool(new URL(url).origin, { connections: concurrency });
  let startedMs;
  let completed = 0;

  async function post(job) {
    startedMs ??= performance.now();
    const { pathname: path } = new URL(job.data.url);
    const response = await pool.request({ method: "POST", path, headers: job.data.headers, body: job.data.body });
    await response.body.dump();
    if (response.statusCode !== 200) throw new Error(`the receiver answered ${response.statusCode}`);
  }

  const worker = new Worker("delivery", post, { connection, concurrency });
  await new Promise((resolve, reject) => {
    worker.on("completed", () => {
      completed += 1;
      if (completed === count) resolve();
    });
    worker.on("failed", (_job, error) => reject(error));
    worker.on("error", reject);
  });
  return (count * 1000) / (performance.now() - startedMs);
}

await fill();
console.log(await deliver());
process.exit(0);

// The peer of publish: processes that share a port, each a Fastify route that does `BullMQ.add`.
// The argument is JSON: redisUrl, port, processes. Prints `ready` when all of them listen.

import cluster from "node:cluster";

import { Queue } from "bullmq";
import Fastify from "fastify";

const { redisUrl, port, processes } = JSON.parse(process.argv[2]);
const FORWARDED = "upstash-forward-";
const DESTINATION_AT = "/v2/publish/".length;

function supervise() {
  let listening = 0;
  cluster.on("listening", () => {
    listening += 1;
    if (listening === processes) console.log("ready");
  });
  cluster.on("exit", () => process.exit(1));
  for (let number = 0; number < processes; number += 1) cluster.fork();
}

function forwarded(headers) {
  const kept = { "content-type": headers["content-type"] };
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(FORWARDED)) kept[name.slice(FORWARDED.length)] = value;
  }
  return kept;
}

async function serve() {
  const queue = new Queue("publish", { connection: { url: redisUrl } });
  await queue.waitUntilReady();
  const app = Fastify();
  app.post("/v2/publish/*", async (request) => {
    const url = request.raw.url.slice(DESTINATION_AT);
    const job = await queue.add("message", { url, headers: forwarded(request.headers), body: request.body });
    return { messageId: job.id };
  });
  await app.listen({ host: "127.0.0.1", port });
}

if (cluster.isPrimary) supervise();
else await serve();

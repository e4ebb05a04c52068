import { at, client, tell } from "./session.mjs";

const byId = () => client.publishJSON({ url: at("/id"), body: Math.random(), deduplicationId: "1" });
const byContent = (body) => client.publish({ url: at("/content"), body, contentBasedDeduplication: true });

tell({
  id: [await byId(), await byId(), await client.queue({ queueName: "q" }).enqueue({ url: at("/"), deduplicationId: "1" })],
  content: [await byContent("x"), await byContent("x"), await byContent("y")],
});

import { at, client, refusal, tell } from "./session.mjs";

await client.urlGroups.addEndpoints({ name: "pair", endpoints: [{ url: at("/left") }, { url: at("/right") }] });

tell({
  batch: await client.batch([
    { url: at("/plain"), body: "žluť", method: "PUT", headers: { "X-One": "1" }, label: ["a", "b"] },
    { urlGroup: "pair", body: "both" },
    { url: at("/queued"), queueName: "line" },
    { urlGroup: "pair", queueName: "line", body: "queued" },
  ]),
  single: await client.batch([{ url: at("/single"), body: "x" }]),
  json: await client.batchJSON([
    { url: at("/json"), body: { n: 1 }, headers: { "X-One": "1" } },
    { url: at("/no-json"), queueName: "line" },
  ]),
  refused: await refusal(() => client.batch([{ url: at("/never") }, { url: at("/never"), retries: -1 }])),
});

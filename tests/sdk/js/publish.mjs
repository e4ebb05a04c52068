import { custom } from "@upstash/qstash";
import { at, client, refusal, tell } from "./session.mjs";

await client.urlGroups.addEndpoints({ name: "pair", endpoints: [{ url: at("/left") }, { url: at("/right") }] });

tell({
  text: await client.publish({
    url: at("/text?a=b"),
    body: "žluť",
    method: "PUT",
    headers: { "X-One": "1", "Upstash-Forward-X-Two": "2", Authorization: "Bearer mine" },
  }),
  bytes: await client.publish({
    url: at("/bytes"),
    body: new Blob([new Uint8Array([0, 255])], { type: "application/octet-stream" }),
  }),
  nothing: await client.publish({ url: at("/nothing") }),
  json: await client.publishJSON({ url: at("/json"), body: { n: [1, "ž"] }, headers: { "X-One": "1" } }),
  noJson: await client.publishJSON({ url: at("/no-json") }),
  group: await client.publishJSON({ urlGroup: "pair", body: 1 }),
  topic: await client.publish({ topic: "pair", body: "old name" }),
  llm: await client.publishJSON({
    api: { name: "llm", provider: custom({ baseUrl: at(""), token: "sk-1" }) },
    body: { model: "m" },
    callback: at("/llm-done"),
  }),
  unknownGroup: await refusal(() => client.publish({ urlGroup: "nowhere" })),
  badScheme: await refusal(() => client.publish({ url: "ftp://a.io/x" })),
});

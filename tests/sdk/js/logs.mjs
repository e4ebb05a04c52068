import { at, client, refusal, tell, untilLogged } from "./session.mjs";

await client.urlGroups.addEndpoints({ name: "g", endpoints: [{ url: at("/grouped"), name: "e" }] });
const sent = {
  plain: (await client.publish({ url: at("/plain"), body: "žluť", headers: { "X-One": "1" } })).messageId,
  failed: (await client.publish({ url: at("/broken"), retries: 0, label: ["a", "b"] })).messageId,
  grouped: (await client.publish({ urlGroup: "g" }))[0].messageId,
  queued: (await client.queue({ queueName: "line" }).enqueue({ url: at("/queued") })).messageId,
  limited: (await client.publish({ url: at("/limited"), flowControl: { key: "k", rate: 100 } })).messageId,
};
for (const [name, messageId] of Object.entries(sent)) {
  await untilLogged(messageId, name === "failed" ? "FAILED" : "DELIVERED");
}
const names = Object.fromEntries(Object.entries(sent).map(([name, id]) => [id, name]));
const chosen = async (request) => [...new Set((await client.logs(request)).logs.map((one) => names[one.messageId]))].sort();

const told = {
  failed: (await client.logs({ messageIds: [sent.failed] })).logs,
  plain: (await client.events({ filter: { messageId: sent.plain } })).events,
  all: await chosen(),
  ids: await chosen({ messageIds: [sent.plain, sent.queued] }),
  filters: {
    state: await chosen({ filter: { state: "FAILED" } }),
    inProgress: await chosen({ filter: { state: "IN_PROGRESS", label: "a" } }),
    url: await chosen({ filter: { url: at("/plain") } }),
    host: await chosen({ filter: { host: new URL(at("/")).host } }),
    path: await chosen({ filter: { path: ["/queued", "/limited"] } }),
    urlGroup: await chosen({ filter: { urlGroup: "g" } }),
    topicName: await chosen({ filter: { topicName: "g" } }),
    queueName: await chosen({ filter: { queueName: "line" } }),
    label: await chosen({ filter: { label: ["b", "x"] } }),
    flowControlKey: await chosen({ filter: { flowControlKey: "k" } }),
    callerIp: await chosen({ filter: { callerIp: "10.0.0.1" } }),
    dates: await chosen({ filter: { fromDate: new Date(Date.now() + 60_000) } }),
    scheduleId: await chosen({ filter: { scheduleId: "scd_x" } }),
  },
  refused: await refusal(() => client.logs({ filter: { state: "LOST" } })),
};
told.pages = [];
let cursor;
do {
  const page = await client.logs({ count: 4, cursor });
  told.pages.push(page.logs.map((one) => [one.messageId, one.state]));
  cursor = page.cursor;
} while (cursor);
told.countInFilter = (await client.logs({ filter: { count: 3 } })).logs.length;
tell(told);

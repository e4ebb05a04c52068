import { at, client, refusal, tell, untilLogged } from "./session.mjs";

const later = async (request = {}) =>
  (await client.publish({ url: at("/later"), delay: "1h", ...request })).messageId;
const ids = await Promise.all([later(), later(), later(), later(), later()]);
const done = (await client.publish({ url: at("/done") })).messageId;
await untilLogged(done, "DELIVERED");

const told = {
  done: await client.messages.get(done),
  one: await client.messages.cancel(ids[0]),
  again: await refusal(() => client.messages.cancel(ids[0])),
  afterwards: await refusal(() => client.messages.get(ids[0])),
  many: await client.messages.cancel([ids[0], ids[1], "msg_unknown"]),
  byIds: await client.messages.cancel({ messageIds: [ids[2]] }),
};
await client.messages.delete(ids[3]);
told.deleted = await refusal(() => client.messages.delete(ids[3]));
told.deletedMany = await client.messages.deleteMany([ids[4], ids[3]]);

// One message for each filter, and one that no filter matches.
await client.urlGroups.addEndpoints({ name: "pair", endpoints: [{ url: at("/left") }, { url: at("/right") }] });
await later();
const filters = {
  label: [{ label: ["a", "b"] }, { label: "b" }],
  labels: [{ label: "c" }, { label: ["x", "c"] }],
  url: [{ url: at("/url?a,b") }, { url: at("/url?a,b") }],
  host: [{ url: "http://host.example:81/x" }, { host: "host.example:81" }],
  path: [{ url: at("/a%2Fpath") }, { path: "/a%2Fpath" }],
  urlGroup: [{ url: undefined, urlGroup: "pair" }, { urlGroup: "pair" }],
  flowControlKey: [{ flowControl: { key: "k", rate: 1 } }, { flowControlKey: "k" }],
  dates: [{ label: "dated" }, { label: "dated", fromDate: new Date(Date.now() - 60_000), toDate: Date.now() + 60_000 }],
};
told.filters = {};
for (const [name, [request, filter]] of Object.entries(filters)) {
  await client.publish({ url: at("/later"), delay: "1h", ...request });
  told.filters[name] = await client.messages.cancel({ filter });
}
await client.queue({ queueName: "held" }).upsert({ paused: true });
await client.queue({ queueName: "held" }).enqueue({ url: at("/later") });
told.filters.queueName = await client.messages.cancel({ filter: { queueName: "held" } });
await Promise.all([later({ label: "n" }), later({ label: "n" }), later({ label: "n" })]);
told.counted = await client.messages.cancel({ filter: { label: "n" }, count: 2 });
told.none = await client.messages.cancel({ filter: { callerIp: "10.0.0.1" } });
told.unknownFilter = await refusal(() => client.messages.cancel({ filter: { labels: "n" } }));
told.all = await client.messages.cancel({ all: true });
await later();
told.deletedAll = await client.messages.deleteAll();
told.empty = await client.messages.cancel([]);
tell(told);

import { at, client, refusal, tell, untilLogged } from "./session.mjs";

async function bury(request = {}) {
  const sent = { url: at("/broken"), retries: 0, ...request };
  const { queueName, ...rest } = sent;
  const answer = queueName ? await client.queue({ queueName }).enqueue(rest) : await client.publish(rest);
  const [{ messageId }] = Array.isArray(answer) ? answer : [answer];
  await untilLogged(messageId, "FAILED");
  const { messages } = await client.dlq.listMessages({ filter: { messageId } });
  return messages[0].dlqId;
}

await client.urlGroups.addEndpoints({ name: "g", endpoints: [{ url: at("/broken"), name: "e" }] });
const plain = await bury({ body: "x", headers: { "X-One": "1" }, retryDelay: "10", method: "PUT" });
const labelled = await bury({ label: ["a", "b"], url: at("/missing") });
const grouped = await bury({ url: undefined, urlGroup: "g" });
const queued = await bury({ queueName: "line" });
const limited = await bury({ flowControl: { key: "k", rate: 100, period: 1 } });
const names = { [plain]: "plain", [labelled]: "labelled", [grouped]: "grouped", [queued]: "queued", [limited]: "limited" };
const chosen = async (request) => (await client.dlq.listMessages(request)).messages.map((one) => names[one.dlqId]);

const told = {
  letters: (await client.dlq.listMessages()).messages,
  all: await chosen(),
  ids: await chosen({ dlqIds: [plain, queued] }),
  id: await chosen({ dlqIds: plain }),
  filters: {
    label: await chosen({ filter: { label: "b" } }),
    url: await chosen({ filter: { url: [at("/missing"), at("/nowhere")] } }),
    urlGroup: await chosen({ filter: { urlGroup: "g" } }),
    queueName: await chosen({ filter: { queueName: "line" } }),
    flowControlKey: await chosen({ filter: { flowControlKey: "k" } }),
    responseStatus: await chosen({ filter: { responseStatus: [404, 410] } }),
    callerIp: await chosen({ filter: { callerIp: "10.0.0.1" } }),
    dates: await chosen({ filter: { fromDate: new Date(Date.now() + 60_000) } }),
  },
};
told.pages = [];
let cursor;
do {
  const page = await client.dlq.listMessages({ count: 2, cursor });
  told.pages.push(page.messages.map((one) => names[one.dlqId]));
  cursor = page.cursor;
} while (cursor);

told.retriedOne = await client.dlq.retry(plain);
told.retriedMany = await client.dlq.retry({ dlqIds: [labelled, queued] });
told.retriedNone = await client.dlq.retry({ filter: { label: "unknown" } });
told.retriedUnknown = await refusal(() => client.dlq.retry([plain]));
told.retriedByFilter = await client.dlq.retry({ filter: { urlGroup: "g" }, count: 10 });
for (const { messageId } of [...told.retriedOne.responses, ...told.retriedMany.responses, ...told.retriedByFilter.responses]) {
  await untilLogged(messageId, "FAILED");
}
const again = (await client.dlq.listMessages()).messages.map((one) => one.dlqId);
told.deletedOne = await client.dlq.delete(again[0]);
told.deletedAgain = await refusal(() => client.dlq.delete(again[0]));
told.deletedTwo = await client.dlq.delete([again[0], again[1]]);
told.deletedMany = await client.dlq.deleteMany({ dlqIds: [again[2]] });
told.deletedByFilter = await client.dlq.delete({ filter: { flowControlKey: "k" } });
told.deletedAll = await client.dlq.delete({ all: true });
told.retriedAll = await client.dlq.retry({ all: true });
told.left = await client.dlq.listMessages();
told.unknownFilter = await refusal(() => client.dlq.delete({ filter: { labels: "x" } }));
tell(told);

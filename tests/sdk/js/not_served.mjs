// What belongs to hosted products that are not offered is refused in order.
import { upstash } from "@upstash/qstash";
import { at, client, refusal, tell } from "./session.mjs";

const chat = client.chat();
const question = { model: "m", provider: upstash() };
tell({
  workflow: await refusal(() => client.workflow.cancel("wfr_1")),
  llm: await refusal(() =>
    client.publishJSON({ api: { name: "llm", provider: upstash() }, body: {}, callback: at("/done") }),
  ),
  create: await refusal(() => chat.create({ ...question, messages: [] })),
  prompt: await refusal(() => chat.prompt({ ...question, system: "s", user: "u" })),
});

// Publishes with one option at a time; Python looks at the message that comes back, or its log.
import { at, client, tell } from "./session.mjs";

const options = JSON.parse(process.env.OPTIONS);
const seen = {};
for (const [name, given] of Object.entries(options)) {
  const { messageId } = await client.publish({ url: at("/"), delay: "1h", ...given });
  const [log] = (await client.logs({ messageIds: [messageId] })).logs;
  seen[name] = { message: await client.messages.get(messageId), log };
}
tell(seen);

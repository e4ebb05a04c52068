// Lists what the client can do, by looking at it.
import { Receiver } from "@upstash/qstash";
import { client, tell } from "./session.mjs";

const NOT_THE_SERVER = new Set(["http", "token"]);

function methods(object) {
  const own = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(object));
  return Object.keys(own).filter((name) => name !== "constructor" && own[name].value instanceof Function);
}

const parts = { client, queue: client.queue(), receiver: new Receiver(), chat: client.chat() };
const own = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(client));
for (const name of Object.keys(own)) if (own[name].get) parts[name] = client[name];

const listed = Object.entries(parts).flatMap(([part, object]) =>
  methods(object).map((method) => `${part}.${method}`),
);
// Those of the chat are fields, not methods.
for (const name of Object.keys(parts.chat)) if (!NOT_THE_SERVER.has(name)) listed.push(`chat.${name}`);
tell(listed);

// The client's development mode finds this server where it looks for its own one.
import { Client, Receiver } from "@upstash/qstash";
import { at, tell } from "./session.mjs";

const client = new Client({ devMode: true, retry: false });
const received = process.env.RECEIVED && JSON.parse(process.env.RECEIVED);
tell(
  received
    ? await new Receiver({ devMode: true }).verify(received)
    : await client.publishJSON({ url: at("/development"), body: { n: 1 } }),
);

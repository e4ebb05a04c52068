// What every script here needs: the client, the receiver's addresses, waiting, refusals, and where to tell of it.
import { writeFileSync } from "node:fs";
import { Client } from "@upstash/qstash";

// Without the client's retries: they would hide a dropped connection.
export const client = new Client({
  baseUrl: process.env.QSTASH_URL,
  token: process.env.QSTASH_TOKEN,
  retry: false,
});

export const at = (path) => process.env.RECEIVER + path;

// The test in Python reads this; the client itself may write to the output.
export const tell = (result) => writeFileSync(process.env.TOLD, JSON.stringify(result));

export async function until(look) {
  const end = Date.now() + 15_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const untilLogged = (messageId, state) =>
  until(async () => {
    const { logs } = await client.logs({ filter: { messageId } });
    return logs[0]?.state === state;
  });

export async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return { name: error.name, status: error.status, message: error.message };
  }
  throw new Error(`${call} was not refused`);
}

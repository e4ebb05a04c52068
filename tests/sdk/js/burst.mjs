// Asks until it is told to wait.
import { client, refusal, tell } from "./session.mjs";

tell(
  await refusal(async () => {
    for (let call = 0; call < 50; call += 1) await client.queue().list();
  }),
);

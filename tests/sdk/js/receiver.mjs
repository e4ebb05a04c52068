// Verifies requests that the receiver got, with the client's own verifier.
import { Receiver } from "@upstash/qstash";
import { refusal, tell } from "./session.mjs";

const { currentSigningKey, nextSigningKey, requests } = JSON.parse(process.env.RECEIVED);
const receiver = new Receiver({ currentSigningKey, nextSigningKey });
const rotated = new Receiver({ currentSigningKey: nextSigningKey, nextSigningKey: currentSigningKey });
const told = [];
for (const { signature, body, url } of requests) {
  told.push({
    verified: await receiver.verify({ signature, body, url }),
    withoutUrl: await receiver.verify({ signature, body, clockTolerance: 1 }),
    afterRotation: await rotated.verify({ signature, body, url }),
    otherBody: (await refusal(() => receiver.verify({ signature, body: `${body}.`, url }))).name,
    otherUrl: (await refusal(() => receiver.verify({ signature, body, url: `${url}.` }))).name,
    otherKeys: (
      await refusal(() => new Receiver({ currentSigningKey: "x", nextSigningKey: "y" }).verify({ signature, body }))
    ).name,
  });
}
tell(told);

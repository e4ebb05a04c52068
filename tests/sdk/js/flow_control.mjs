import { at, client, refusal, tell, until } from "./session.mjs";

const key = "a/b c";
const use = (flowControl) => client.publish({ url: at("/limited"), flowControl: { key, ...flowControl } });
const told = { unknown: await refusal(() => client.flowControl.get(key)) };
await client.flowControl.pause(key);
await use({ parallelism: 3, rate: 10, period: 60 });
await use({ parallelism: 2, ratePerSecond: 20 });
told.paused = await client.flowControl.get(key);
await client.flowControl.pin(key, { parallelism: 7, rate: 70, period: 30 });
await use({ parallelism: 1 });
told.pinned = await client.flowControl.get(key);
await client.flowControl.unpin(key, { rate: true });
told.unpinned = await client.flowControl.get(key);
await client.flowControl.resume(key);
told.resumed = await until(async () => {
  const info = await client.flowControl.get(key);
  return info.waitListSize === 0 && info.parallelismCount === 0 && info;
});
await client.flowControl.resetRate(key);
told.reset = await client.flowControl.get(key);
told.global = await client.flowControl.getGlobalParallelism();
told.refused = await refusal(() => client.flowControl.pin(key, {}));
tell(told);

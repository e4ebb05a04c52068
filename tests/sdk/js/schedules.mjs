import { at, client, refusal, tell } from "./session.mjs";

const cron = "0 0 1 1 *";
const told = { empty: await client.schedules.list() };
told.made = await client.schedules.create({ destination: at("/a//b?c=%2F"), cron: ` ${cron} ` });
const { scheduleId } = told.made;
told.plain = await client.schedules.get(scheduleId);
told.full = await client.schedules.create({
  destination: at("/full"),
  cron: "CRON_TZ=Europe/Prague 0 0 1 1 *",
  scheduleId: "mine.1",
  body: '{"n":1}',
  headers: { "X-One": "1" },
  delay: 90,
  retries: 0,
  retryDelay: "1000 * retried",
  callback: at("/done"),
  failureCallback: at("/failed"),
  method: "PUT",
  timeout: "30s",
  queueName: "line",
  flowControl: { key: "k", rate: 5, parallelism: 2, period: "1m" },
  label: ["a", "b"],
  redact: { header: ["x-one"] },
});
told.options = await client.schedules.get("mine.1");
await client.schedules.pause({ schedule: scheduleId });
await client.schedules.pause({ schedule: scheduleId });
told.paused = await client.schedules.get(scheduleId);
await client.schedules.resume({ schedule: scheduleId });
told.resumed = await client.schedules.get(scheduleId);
told.listed = await client.schedules.list();
await client.schedules.delete(scheduleId);
await client.schedules.delete("mine.1");
told.deleted = await client.schedules.list();
told.unknown = await refusal(() => client.schedules.get("mine.1"));
told.pausedUnknown = await refusal(() => client.schedules.pause({ schedule: "mine.1" }));
told.badCron = await refusal(() => client.schedules.create({ destination: at("/"), cron: "* * *" }));
tell(told);

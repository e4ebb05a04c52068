import { at, client, refusal, tell } from "./session.mjs";

const told = { empty: await client.urlGroups.list() };
await client.urlGroups.addEndpoints({
  name: "g",
  endpoints: [{ url: at("/1"), name: "one" }, { url: at("/2") }, { url: at("/3") }],
});
told.made = await client.urlGroups.get("g");
await client.urlGroups.addEndpoints({ name: "g", endpoints: [{ url: at("/new"), name: "one" }] });
await client.urlGroups.removeEndpoints({ name: "g", endpoints: [{ url: at("/2") }] });
told.changed = await client.urlGroups.get("g");
told.published = await client.publishJSON({ urlGroup: "g", body: { n: 1 } });
told.message = await client.messages.get(told.published[0].messageId);
told.listed = await client.topics.list();
await client.urlGroups.delete("g");
await client.urlGroups.delete("g");
told.deleted = await client.urlGroups.list();
told.unknown = await refusal(() => client.urlGroups.get("g"));
told.badUrl = await refusal(() => client.urlGroups.addEndpoints({ name: "g", endpoints: [{ url: "a.io" }] }));
tell(told);

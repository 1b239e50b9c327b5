import { expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { missingWebhooks, withCaBundle } from "../../../src/certificates/configuration.ts";

const [one, two] = [names.podsWebhook, names.jobsWebhook];
const webhook = (name: string, caBundle?: string) => ({
  name,
  clientConfig: { ...(caBundle && { caBundle }) },
});

test("webhooks that the API server does not know", () => {
  expect(missingWebhooks(undefined)).toEqual([one, two]);
  expect(missingWebhooks({})).toEqual([one, two]);
  expect(missingWebhooks({ webhooks: [webhook(two), webhook("other")] })).toEqual([one]);
  expect(missingWebhooks({ webhooks: [webhook(two), webhook(one)] })).toEqual([]);
});

test("the CA bundle is applied to all webhooks if one lacks it, and to none that are not there", () => {
  expect(withCaBundle({ webhooks: [webhook(one, "x"), webhook(two)] }, "x")?.webhooks).toEqual([
    webhook(one, "x"),
    webhook(two, "x"),
  ]);
  expect(withCaBundle({ webhooks: [webhook(one, "old"), { name: two }] }, "x")?.webhooks).toHaveLength(2);
  expect(withCaBundle({ webhooks: [webhook(one, "x")] }, "x")).toBeUndefined();
  expect(withCaBundle({}, "x")).toBeUndefined();
});

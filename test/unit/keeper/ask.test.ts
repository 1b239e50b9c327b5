import { request } from "node:http";
import { expect, test } from "vitest";
import { exits } from "../../../src/cli/exits.ts";
import { CliError } from "../../../src/cli/output.ts";
import { tunnelAgent } from "../../../src/cli/remote/open.ts";
import { askKeeper, keeperAt } from "../../../src/keeper/ask.ts";
import { sentenceOf } from "../../../src/kube/errors.ts";
import { freePort } from "../../support/ports.ts";

const asked = { method: "GET", path: "/room", mostBytes: 1024, signal: AbortSignal.timeout(30_000) } as const;

test("who lacks the right to reach a keeper is told that, not that the keeper does not answer", async () => {
  const denied = new CliError("You may not create pods/portforward.", exits.denied);
  const agent = tunnelAgent(() => Promise.reject(denied), undefined);
  const open = (path: string, options: object) => request({ ...options, agent, path });
  await expect(askKeeper({ open, authorization: undefined }, asked)).rejects.toBe(denied);
});

test("why a keeper does not answer is said once", async () => {
  const host = `127.0.0.1:${await freePort()}`;
  const error = await askKeeper(keeperAt({ host }, "token"), asked).catch((caught: unknown) => caught);
  expect(sentenceOf(error)).toBe(`connect ECONNREFUSED ${host}`);
});

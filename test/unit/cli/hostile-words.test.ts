import { expect, it, onTestFinished } from "vitest";
import { names } from "../../../schema/names.ts";
import { formatDifferences } from "../../../src/cli/artifacts/diff.ts";
import { formatList, listArtifacts, listTags } from "../../../src/cli/artifacts/list.ts";
import { RegistryError } from "../../../src/cli/oci/errors.ts";
import { toldBy } from "../../../src/cli/remote/get.ts";
import { formatPlan } from "../../../src/cli/remote/plan-retention.ts";
import { startStandIn } from "../../support/stand-in.ts";

const evil = "\u001b]0;evil\u0007$(touch x)";

it("names that no command takes are in no list", async () => {
  const { registry, stop } = await startStandIn(({ url = "" }, response) => {
    if (url.startsWith("/v2/_catalog")) response.end(JSON.stringify({ repositories: ["a", evil, "b/../c"] }));
    else if (url.endsWith("/tags/list")) response.end(JSON.stringify({ tags: ["v1", evil, ""] }));
    else response.end("{}");
  });
  onTestFinished(stop);
  const listed = await listArtifacts(registry, {
    repository: undefined,
    prefix: "",
    namespace: "",
    cache: "",
  });
  expect(formatList(listed, "name", { everywhere: false, now: 0 })).toBe("a:v1\n");
});

it("what is the operator's own is listed only for who names it", async () => {
  const { registry, stop } = await startStandIn(({ url = "" }, response) => {
    if (url.startsWith("/v2/_catalog"))
      response.end(JSON.stringify({ repositories: ["a", names.stateRepository] }));
    else if (url.endsWith("/tags/list")) response.end(JSON.stringify({ tags: ["v1"] }));
    else response.end("{}");
  });
  onTestFinished(stop);
  const shown = async (repository: string | undefined) =>
    (await listTags(registry, { repository, prefix: "" })).map(({ name }) => name);
  expect(await shown(undefined)).toEqual(["a"]);
  expect(await shown(names.stateRepository)).toEqual([names.stateRepository]);
});

it("nor are they in what programs are given of a plan or a comparison", () => {
  const deletion = { repository: evil, digest: "sha256:1", pushed: "", tags: [], whole: true, reason: evil };
  const plan = { deletions: [deletion], kept: [], bytes: { before: 0, after: 0 } };
  const difference = {
    change: "added",
    path: evil,
    before: undefined,
    after: { bytes: 1, content: evil },
  } as const;
  for (const format of ["table", "name", "json", "yaml"] as const) {
    expect(formatPlan({ plan, next: undefined, but: undefined }, format)).not.toContain("\u001b");
    expect(formatDifferences([difference], format)).not.toContain("\u001b");
  }
});

it("a terminal does not obey what a registry says while bytes come", () => {
  const notes: string[] = [];
  const progress = { add: () => undefined, note: (text: string) => notes.push(text), end: () => undefined };
  const body = JSON.stringify({ errors: [{ code: "UNAVAILABLE", message: evil }] });
  toldBy(progress).onRetry(new RegistryError("GET /v2/", 503, body));
  expect(notes.join()).toContain("\\u001b]0;evil\\u0007");
  expect(notes.join()).not.toContain("\u001b");
});

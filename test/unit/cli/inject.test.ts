import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { names } from "../../../schema/names.ts";
import { annotations } from "../../../src/annotations/table.ts";
import { formatDocuments, injectFiles } from "../../../src/cli/inject.ts";
import { offlineDefaults } from "../../../src/cli/settings.ts";
import { cacheManifest, type Folder, jobManifest, makeFolder } from "../../support/cli.ts";

let folder: Folder;
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

const inject = (...places: string[]) => injectFiles(places, offlineDefaults);
const values = (text: string) => parseAllDocuments(text).map((document) => document.toJS());

describe("inject", () => {
  it("keeps the items of a List where they are", async () => {
    const items = jobManifest().trim().replace(/^/gm, "    ").replace("   ", "  -");
    const file = await folder.write("list.yaml", `apiVersion: v1\nkind: List\nitems:\n${items}\n`);
    const { documents } = await inject(file);
    expect(documents).toHaveLength(1);
    const [{ items: injected }] = values(formatDocuments(documents, "yaml"));
    expect(injected[0].spec.template.spec.containers).toHaveLength(2);
  });

  it("reads and writes YAML as kubectl does: octal modes, and words that are something else in YAML 1.1", async () => {
    const volumes = "      volumes: [{name: v, configMap: {name: x, defaultMode: 0644}}]\n";
    const words = ["yes", "on", "0777", "1_000", "12:30:45", "2024-01-01", "null"];
    const step = jobManifest({ command: JSON.stringify(words) });
    const { documents } = await inject(await folder.write("words.yaml", `${step}${volumes}`));
    const text = formatDocuments(documents, "yaml");
    expect(text).toContain("defaultMode: 420\n");
    for (const word of words) expect(text).toMatch(new RegExp(`- ["']${word}["']\n`));
  });

  it("prints steps without an init container for clusters that can run them", async () => {
    const file = await folder.write("shape.yaml", jobManifest());
    const { documents } = await injectFiles([file], { ...offlineDefaults, podShape: "auto" });
    const [job] = values(formatDocuments(documents, "yaml"));
    const { initContainers, containers } = job.spec.template.spec;
    expect(initContainers).toBe(undefined);
    expect(containers[0]).toMatchObject({ name: "oras", restartPolicyRules: [{ action: "Restart" }] });
  });

  it("passes over documents without anything in them", async () => {
    const file = await folder.write("empty.yaml", `---\n# licence\n---\n${jobManifest()}---\n`);
    expect((await inject(file)).documents).toHaveLength(1);
  });

  it("prints one object as JSON as it is, several as a List", async () => {
    const one = await inject(await folder.write("one.yaml", jobManifest()));
    expect(JSON.parse(formatDocuments(one.documents, "json"))).toMatchObject({ kind: "Job" });
    const two = await inject(await folder.write("two.yaml", `${cacheManifest()}---\n${jobManifest()}`));
    expect(JSON.parse(formatDocuments(two.documents, "json"))).toMatchObject({
      kind: "List",
      items: [{ kind: "OrasCache" }, { kind: "Job" }],
    });
  });

  it("warns of a cache that only another namespace has, once per object", async () => {
    const cache = cacheManifest("{}", "name: oras, namespace: elsewhere");
    const { warnings } = await inject(await folder.write("elsewhere.yaml", `${cache}---\n${jobManifest()}`));
    expect(warnings).toEqual([
      expect.stringMatching(
        /elsewhere\.yaml: Job default\/breakfast: \S+\/oras-cache: found no OrasCache "oras" for the namespace "default" in these files; /,
      ),
      expect.stringContaining("(LoginUnknown)"),
    ]);
  });

  describe("an input that nodes mount from a registry that asks for a password", () => {
    const secret = "oras-credentials-0123456789";
    const nodes = "{nodeAddress: nodes.example.com:30500}";
    const digest = `sha256:${"a".repeat(64)}`;
    const step = `{ ${annotations["input-uri"].key}: "a/b@${digest}", ${annotations["input-path"].key}: /data, ${annotations["input-as"].key}: volume }`;
    const spec = "{ restartPolicy: Never, containers: [{ name: main, image: a, command: [a] }] }";
    const pod = `apiVersion: v1\nkind: Pod\nmetadata: { name: reads, annotations: ${step} }\nspec: ${spec}\n`;
    const statusOf = (more: string) =>
      `status: { observedGeneration: 1, credentialsSecret: ${secret}, ${more} }\n`;
    const told = async (cache: string) => {
      const { documents, warnings } = await inject(await folder.write("nodes.yaml", `${cache}---\n${pod}`));
      return { warnings, secrets: (documents[1] as V1Pod).spec?.imagePullSecrets };
    };

    it("is given the Secret of a status that is of its nodeAddress", async () => {
      const status = statusOf("nodeUrl: https://nodes.example.com:30500");
      expect(await told(cacheManifest(nodes) + status)).toEqual({
        warnings: [],
        secrets: [{ name: secret }],
      });
      expect(await told(cacheManifest("{nodeAddress: nodes.example.com, auth: {type: none}}"))).toEqual({
        warnings: [],
        secrets: undefined,
      });
    });

    it.each([
      ["there is no status", "", /no container is given it, and no node that mounts the input is/],
      [
        "the status is older",
        statusOf("nodeUrl: https://old.example.com"),
        /password, and no node that mounts/,
      ],
      ["the status is of before", statusOf("conditions: []"), /password, and no node that mounts/],
    ])("is given none, and who prints it is told, where %s", async (_, status, words) => {
      const { warnings, secrets } = await told(cacheManifest(nodes) + status);
      expect(secrets).toBeUndefined();
      expect(warnings).toEqual([expect.stringMatching(words)]);
      expect(warnings[0]).toMatch(/\(LoginUnknown\)$/);
    });
  });

  describe("a step of a registry that asks for a password", () => {
    const told = async (cache: string) => {
      const { documents, warnings } = await inject(
        await folder.write("login.yaml", `${cache}---\n${jobManifest()}`),
      );
      const { volumes } = (documents[1] as V1Job).spec?.template.spec ?? {};
      const sources = volumes?.flatMap(({ projected }) => projected?.sources ?? []);
      return { warnings, secrets: sources?.flatMap(({ secret }) => secret?.name ?? []) };
    };

    it("is given none, and who prints it is told: the operator alone knows the Secret's name", async () => {
      expect(await told(cacheManifest())).toEqual({
        secrets: [],
        warnings: [
          expect.stringMatching(/registry of OrasCache "oras" asks for a password.*\(LoginUnknown\)$/),
        ],
      });
    });

    it("is given the Secret that the status of its OrasCache names", async () => {
      const status = "status: { observedGeneration: 1, credentialsSecret: oras-credentials-0123456789 }\n";
      for (const spec of ["{}", "{auth: {type: htpasswd}}"]) {
        expect(await told(`${cacheManifest(spec)}${status}`)).toEqual({
          secrets: ["oras-credentials-0123456789"],
          warnings: [],
        });
      }
    });

    it("needs none where its registry is open, or remote", async () => {
      for (const spec of ["{auth: {type: none}}", "{deploy: false, registry: ghcr.io}"]) {
        expect(await told(cacheManifest(spec))).toEqual({ secrets: [], warnings: [] });
      }
    });
  });

  it.each([
    ["a: [", /the end of a quote or bracket/],
    ["- a list", /a document is not a Kubernetes object: it is a list/],
    [jobManifest({ lines: [`${names.prefix}output-url: a/b:c`] }), /did you mean .*output-uri\?/],
  ])("%j is refused with its place", async (text, sentence) => {
    const file = await folder.write("wrong.yaml", text);
    await expect(inject(file)).rejects.toThrow(
      expect.objectContaining({ exitCode: 1, message: expect.stringMatching(sentence) }),
    );
    await expect(inject(file)).rejects.toThrow(/wrong\.yaml:/);
  });
});

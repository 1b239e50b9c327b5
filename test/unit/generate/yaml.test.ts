import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { kubectlYaml } from "../../../src/cli/manifests/yaml.ts";
import { yamlFiles } from "../../support/manifests.ts";

/** `off` and `on` are text in YAML 1.2, and true or false for kubectl, Helm and kustomize. */
test.each(["config", "chart/crds", "examples"])(
  "%s says the same in YAML of 1.1 and of 1.2",
  async (folder) => {
    for (const path of await yamlFiles(folder)) {
      const text = await readFile(path, "utf8");
      const values = (options: object) =>
        parseAllDocuments(text, options).map((one) => one.toJS() as unknown);
      expect(values(kubectlYaml), path).toEqual(values({ version: "1.2" }));
    }
  },
);

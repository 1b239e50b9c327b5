// Imports point one way. Each folder of src/ lists those that it may import from; schema/ and generated/ are open to all.
const knows = {
  common: [],
  annotations: [],
  workload: ["annotations"],
  cache: ["common", "annotations"],
  workflow: ["common", "annotations", "workload", "cache"],
  injection: ["annotations", "workload", "workflow", "lineage", "cache"],
  retention: ["common", "annotations", "cache"],
  lineage: ["common", "annotations", "workload", "cache"],
  page: ["lineage"],
  memo: ["common", "annotations", "cache", "lineage"],
  kube: ["common"],
  registry: ["common"],
  keeper: ["common", "cache", "retention", "registry"],
  certificates: ["cache", "kube"],
  webhook: ["annotations", "workload", "workflow", "injection", "cache", "kube", "registry", "certificates"],
  controllers: [
    "common",
    "annotations",
    "workload",
    "workflow",
    "injection",
    "cache",
    "retention",
    "lineage",
    "memo",
    "kube",
    "registry",
    "keeper",
    "certificates",
  ],
  manager: [
    "common",
    "annotations",
    "workload",
    "workflow",
    "injection",
    "cache",
    "kube",
    "registry",
    "keeper",
    "certificates",
    "webhook",
    "controllers",
  ],
};
const pure = "^src/(annotations|workload|workflow|injection|cache|retention|lineage|memo)/";

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "tables-import-nothing-of-the-product",
      severity: "error",
      from: { path: "^(generated|schema)/" },
      to: { path: "^(src|scripts|dev)/" },
    },
    ...Object.entries(knows).map(([folder, others]) => ({
      name: `${folder}-imports-only-from-${["generated", ...others].join("-")}`,
      severity: "error",
      from: { path: `^src/${folder}/` },
      to: { path: "^src/", pathNot: `^src/(${[folder, ...others].join("|")})/` },
    })),
    {
      name: "every-folder-has-a-rule",
      severity: "error",
      from: { path: "^src/", pathNot: `^src/(${[...Object.keys(knows), "cli"].join("|")})/` },
      to: {},
    },
    {
      name: "pure-folders-do-no-io",
      severity: "error",
      from: { path: pure },
      to: {
        dependencyTypes: ["core"],
        path: "^(node:)?(fs|net|http|https|tls|dgram|child_process|process|os|worker_threads|timers)",
      },
    },
    {
      name: "pure-folders-use-client-node-for-types-only",
      severity: "error",
      from: { path: pure },
      to: { path: "@kubernetes/client-node", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "src-uses-no-scripts",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(scripts|dev|test)/" },
    },
    {
      name: "dev-uses-generated-only",
      severity: "error",
      from: { path: "^dev/" },
      to: { path: "^(src|scripts|test)/" },
    },
    {
      // What is generated from what was generated is right only after the second time.
      name: "the-generator-reads-nothing-generated",
      severity: "error",
      from: { path: "^scripts/(generate\\.ts|render/)" },
      to: { path: "^generated/", reachable: true },
    },
    {
      name: "only-the-cli-compiles-schemas",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/cli/" },
      to: { path: "^src/cache/validate\\.ts$" },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};

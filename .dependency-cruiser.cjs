// Imports point one way: generated <- annotations <- injection, generated <- cache; those know no I/O; operator joins
// them with kube and images; cli is on top.
const pure = "^src/(annotations|injection|cache)/";

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "generated-imports-nothing-of-ours",
      severity: "error",
      from: { path: "^generated/" },
      to: { path: "^(src|scripts)/" },
    },
    {
      name: "annotations-know-only-generated",
      severity: "error",
      from: { path: "^src/annotations/" },
      to: { path: "^src/", pathNot: "^src/annotations/" },
    },
    {
      // The cache's address is where the two rooms meet: what the reconciler serves is what Pods are told.
      name: "injection-knows-annotations-and-the-caches-address",
      severity: "error",
      from: { path: "^src/injection/" },
      to: { path: "^src/", pathNot: "^src/(annotations|injection)/|^src/cache/address\\.ts$" },
    },
    {
      name: "cache-knows-only-generated",
      severity: "error",
      from: { path: "^src/cache/" },
      to: { path: "^src/", pathNot: "^src/cache/" },
    },
    {
      name: "kube-knows-nothing-above",
      severity: "error",
      from: { path: "^src/kube/" },
      to: { path: "^src/", pathNot: "^src/kube/" },
    },
    {
      name: "images-know-nothing-of-ours",
      severity: "error",
      from: { path: "^src/images/" },
      to: { path: "^src/", pathNot: "^src/images/" },
    },
    {
      name: "operator-is-below-the-cli",
      severity: "error",
      from: { path: "^src/operator/" },
      to: { path: "^src/cli/" },
    },
    {
      name: "pure-rooms-do-no-io",
      severity: "error",
      from: { path: pure },
      to: {
        dependencyTypes: ["core"],
        path: "^(node:)?(fs|net|http|https|tls|dgram|child_process|process|os|worker_threads|timers)",
      },
    },
    {
      name: "pure-rooms-use-client-node-for-types-only",
      severity: "error",
      from: { path: pure },
      to: { path: "@kubernetes/client-node", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "src-does-not-use-scripts",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(scripts|test)/" },
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

import { defineConfig } from "tsup";

export default defineConfig({
  entry: { "oras-operator": "src/cli/main.ts" },
  format: "esm",
  platform: "node",
  target: "node24",
  // One file: the image holds nothing but Node and this.
  noExternal: [/.*/],
  splitting: false,
  clean: true,
  // Dependencies written for CommonJS call require, which an ES module does not have.
  banner: {
    js: 'import { createRequire as nodeCreateRequire } from "node:module"; const require = nodeCreateRequire(import.meta.url);',
  },
});

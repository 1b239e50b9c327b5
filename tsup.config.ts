import { defineConfig } from "tsup";

export default defineConfig({
  entry: { "oras-operator": "src/cli/main.ts" },
  format: "esm",
  platform: "node",
  target: "node24",
  // Everything is inside: the image holds nothing but Node and this folder.
  noExternal: [/.*/],
  // What a command does not need is not loaded: a Pod of the operator answers its first review sooner.
  splitting: true,
  esbuildOptions: (options) => {
    options.minifyWhitespace = true;
    options.minifySyntax = true;
  },
  // All but what make release writes.
  clean: ["!release/**"],
  // Dependencies written for CommonJS call require, which an ES module does not have.
  banner: {
    js: 'import { createRequire as nodeCreateRequire } from "node:module"; const require = nodeCreateRequire(import.meta.url);',
  },
});

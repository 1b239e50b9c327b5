import parser from "@typescript-eslint/parser";
import regexp from "eslint-plugin-regexp";

/**
 * Biome checks everything else. This finds patterns whose work is more than linear in the text that they are tried on,
 * such as nested quantifiers: anybody who may create a Pod could stop the webhook with one (CWE-1333).
 */
export default [
  {
    files: ["**/*.ts"],
    languageOptions: { parser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { regexp },
    rules: {
      "regexp/no-super-linear-backtracking": ["error", { report: "potential" }],
      "regexp/no-super-linear-move": [
        "error",
        { report: "potential", ignoreSticky: false, ignorePartial: false },
      ],
      "regexp/no-dupe-disjunctions": ["error", { reportExponentialBacktracking: "potential" }],
      "regexp/no-misleading-capturing-group": "error",
    },
  },
];

import "reflect-metadata";

/**
 * `@peculiar/x509`, loaded after what it needs to be there. Imported as usual it is bundled before it: esbuild runs what is
 * CommonJS only when the file that imports it runs, and that is after all modules that this one imports.
 *
 * @see https://github.com/evanw/esbuild/issues/399
 */
export const x509: typeof import("@peculiar/x509") = await import("@peculiar/x509");

/** The forms of kubectl. */
export const outputFormats = ["table", "wide", "json", "yaml", "name"] as const;
export type OutputFormat = (typeof outputFormats)[number];

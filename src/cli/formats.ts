/** The forms of kubectl. */
export const outputFormats = ["table", "wide", "json", "yaml", "name"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** What the findings of `validate` can look like. */
export const reportFormats = ["text", "json", "sarif", "github"] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** What a graph can look like. */
export const graphFormats = ["text", "dot", "mermaid", "json", "prov", "ro-crate"] as const;
export type GraphFormat = (typeof graphFormats)[number];

/** What is told about one thing can look like this. */
export const reportOutputs = ["text", "json"] as const;
export type ReportOutput = (typeof reportOutputs)[number];

import { renderAgentConstants } from "./agent-constants.ts";
import { renderAgentOptions } from "./agent-options.ts";
import { renderAnnotations } from "./annotations.ts";
import { renderChart } from "./chart.ts";
import { renderCrd } from "./crd.ts";
import { renderDocs } from "./docs.ts";
import { renderInstall } from "./install.ts";
import { renderJsonSchemas } from "./json-schemas.ts";
import { renderMonitoring } from "./monitoring.ts";
import { renderPolicies } from "./policies/index.ts";
import type { Rendered, Schema } from "./schema.ts";
import { renderTypes } from "./types.ts";

/** Renders every file that is made from the schema. */
export async function renderAll(schema: Schema): Promise<Rendered[]> {
  return [
    renderAgentConstants(schema),
    renderAgentOptions(),
    renderAnnotations(schema),
    ...(await renderTypes(schema)),
    ...renderCrd(schema),
    ...renderInstall(),
    ...renderPolicies(schema),
    ...renderChart(),
    ...renderMonitoring(),
    ...renderJsonSchemas(schema),
    ...renderDocs(schema),
  ];
}

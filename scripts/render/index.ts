import { renderAnnotations } from "./annotations.ts";
import { renderArbitraries } from "./arbitraries.ts";
import { renderChart } from "./chart.ts";
import { renderCrd } from "./crd.ts";
import { renderDocs } from "./docs.ts";
import { renderInstall } from "./install.ts";
import { renderJsonSchemas } from "./json-schemas.ts";
import { renderMatchConditions } from "./match-conditions.ts";
import { renderModels } from "./models.ts";
import { renderExitCodes, renderNames, renderShellConstants } from "./names.ts";
import { renderOptions } from "./options.ts";
import type { Rendered, Source } from "./schema.ts";
import { renderTypes } from "./types.ts";

/** Renders every file that is made from the schema. */
export async function renderAll(source: Source): Promise<Rendered[]> {
  return [
    renderNames(source),
    renderShellConstants(source),
    renderExitCodes(source),
    renderAnnotations(source),
    renderOptions(source),
    await renderTypes(source),
    ...renderModels(source),
    renderMatchConditions(source),
    renderArbitraries(source),
    ...renderCrd(source),
    ...renderInstall(source),
    ...renderChart(source),
    ...renderJsonSchemas(source),
    ...renderDocs(source),
  ];
}

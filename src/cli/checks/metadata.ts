import { names } from "../../../schema/names.ts";
import { formats } from "../../annotations/table.ts";
import type { ManifestObject } from "../manifests/objects.ts";
import { type Finding, findingAt } from "../report/finding.ts";
import { describeValue } from "./shape.ts";
import { isStep } from "./steps.ts";

/**
 * Longest names, where that is less than what a name may have: a Job's becomes the value of a label, and a CronJob adds
 * eleven characters for its Jobs.
 *
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
 */
const longest: Readonly<Record<string, number>> = { Job: 63, CronJob: 52 };

/** What the API server has against the metadata of an object. An OrasCache's name is in its schema. */
export function checkMetadata(object: ManifestObject): Finding[] {
  const metadata = (object.value["metadata"] ?? {}) as Record<string, unknown>;
  const { name, generateName, namespace } = metadata;
  const wrong = (field: string, message: string) => [
    findingAt(object, ["metadata", field], { level: "error", code: "InvalidField", message }),
  ];
  return [
    ...(isNone(name)
      ? checkGenerated(generateName, wrong)
      : object.kind === names.kind
        ? []
        : checkText(
            "name",
            name,
            formats[object.kind === "StatefulSet" ? "ContainerName" : "ObjectName"],
            wrong,
            longest[object.kind],
          )),
    ...(isNone(namespace) ? [] : checkText("namespace", namespace, formats.ContainerName, wrong)),
    // Those of Pods and Jobs are looked at with the rest of them.
    ...(isStep(object) ? [] : ["annotations", "labels"].flatMap((field) => checkTexts(object, field))),
  ];
}

function checkTexts(object: ManifestObject, field: string): Finding[] {
  const map = (object.value["metadata"] as Record<string, unknown> | undefined | null)?.[field];
  if (typeof map !== "object" || map === null) return [];
  return Object.entries(map)
    .filter(([, value]) => typeof value !== "string" && value !== null)
    .map(([key, value]) => {
      const message = notText(value);
      return findingAt(object, ["metadata", field, key], { level: "error", code: "InvalidField", message });
    });
}

type Wrong = (field: string, message: string) => Finding[];

function checkGenerated(generateName: unknown, wrong: Wrong): Finding[] {
  if (isNone(generateName)) return wrong("name", "found nothing; it must be set, or generateName.");
  // Five letters are put behind it.
  if (typeof generateName !== "string") return wrong("generateName", notText(generateName));
  return checkText("generateName", generateName, formats.ObjectName, wrong, undefined, "x");
}

function checkText(
  field: string,
  value: unknown,
  { pattern, maxLength }: { readonly pattern: RegExp; readonly maxLength: number },
  wrong: Wrong,
  most = maxLength,
  behind = "",
): Finding[] {
  if (typeof value !== "string") return wrong(field, notText(value));
  if (value.length > most) {
    return wrong(field, `found ${value.length} characters; allowed are at most ${most}.`);
  }
  if (pattern.test(value + behind)) return [];
  const letters = field === "namespace" ? "digits and -" : "digits, - and .";
  return wrong(
    field,
    `found ${JSON.stringify(value)}; allowed are lower case letters, ${letters}, with a letter or digit at both ends.`,
  );
}

function notText(value: unknown): string {
  return `found ${describeValue(value)}; it must be a string${typeof value === "object" ? "" : "; put it in quotes"}.`;
}

function isNone(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

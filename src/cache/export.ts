import { names } from "../../schema/names.ts";
import { visible } from "../annotations/problems.ts";
import { parseRegistry } from "../annotations/reference.ts";
import { formats } from "../annotations/table.ts";
import type { Verdict } from "./conditions.ts";
import { staysInside } from "./connection.ts";
import type { CacheInstallation } from "./facts.ts";
import { isItself } from "./mirror.ts";
import { identityOf } from "./owner.ts";
import { s3Location } from "./s3.ts";
import { asksForExport, storageOf } from "./storage.ts";
import type { Trouble } from "./trouble.ts";
import type { StoredOrasCache } from "./types.ts";
import { type MirrorReport, mirrorOf } from "./usage.ts";

const scheme = "oci://";
const longestShown = 100;

/** Where artifacts are to be copied when a cache is deleted, or what is wrong with the annotation that says so. */
export type ExportTarget =
  | { readonly to: string; readonly problem?: undefined }
  | { readonly problem: string; readonly to?: undefined };

/**
 * The registry of an annotation export-to, as the schema's format `registry` has it.
 *
 * @param value - of the annotation
 * @returns undefined where the value is not allowed
 */
export function exportRegistry(value: string): string | undefined {
  const { pattern, maxLength } = formats.Registry;
  const registry = value.startsWith(scheme) ? value.slice(scheme.length) : value;
  const isPlain = value.startsWith("http://");
  if (registry === value ? !isPlain : registry.includes("://")) return undefined;
  return value.length <= maxLength && pattern.test(registry) ? registry : undefined;
}

/**
 * Where the artifacts of a cache are to be copied when it is deleted.
 *
 * @param cache - as stored
 * @param facts - of the installation
 * @returns undefined where nothing is asked for, or the operator runs no registry
 */
export function exportTarget(
  cache: StoredOrasCache,
  facts: Pick<CacheInstallation, "clusterDomain">,
): ExportTarget | undefined {
  if (!asksForExport(cache)) return undefined;
  const value = cache.metadata?.annotations?.[names.exportAnnotation] ?? "";
  const to = exportRegistry(value);
  const found = `The annotation ${names.exportAnnotation} is "${visible(value.slice(0, longestShown))}"`;
  if (to === undefined) return { problem: `${found}; ${names.exportAllowed}.` };
  if (isItself(cache, to, facts))
    return { problem: `${found}, the registry of this ${names.kind}. Name another one.` };
  return { to };
}

/**
 * Whether the status says that the other registry has everything. Who deletes artifacts waits for that: the finalizer alone
 * may be missing because the OrasCache was deleted before the operator saw the annotation.
 *
 * @param cache - as stored
 */
export function isToldExported({ status }: StoredOrasCache): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === "Exported" && is === "True") ?? false;
}

/** The Secret with the login for the other registry, which need not be there. */
export function exportSecretName(cache: StoredOrasCache): string {
  return `${identityOf(cache).name}${names.exportSecretSuffix}`;
}

/** What a keeper is asked for. */
export interface ExportRequest {
  readonly to: string;
  readonly secret: string;
  readonly plainLogin: boolean;
}

/**
 * What a keeper is asked for.
 *
 * @param cache - whose
 * @param to - the other registry
 * @param facts - of the installation
 */
export function exportRequest(
  cache: StoredOrasCache,
  to: string,
  { clusterDomain }: Pick<CacheInstallation, "clusterDomain">,
): ExportRequest {
  const registry = parseRegistry(to);
  const plainLogin = registry.plainHttp && staysInside(registry, clusterDomain);
  return { to, secret: exportSecretName(cache), plainLogin };
}

/** What a keeper says of an export. */
export interface ExportReport extends MirrorReport {
  /** How many artifacts there are, and how many of them the other registry has. */
  readonly total: number;
  readonly done: number;
  /** Whether the other registry has everything. */
  readonly whole: boolean;
}

/**
 * What is to be believed of a keeper's answer: whoever may make Pods can write one.
 *
 * @param report - JSON
 * @param to - what it was asked for
 * @returns undefined where it is none
 */
export function exportReportOf(report: unknown, to: string): ExportReport | undefined {
  const mirror = mirrorOf(report);
  if (mirror === undefined || mirror.to !== to) return undefined;
  const { total, done, whole } = report as Readonly<Record<string, unknown>>;
  if (!isCount(total) || !isCount(done)) return undefined;
  return { ...mirror, total, done, whole: whole === true };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** What a keeper answered: a report, that it cannot export, or nothing. */
export type ExportAnswer = ExportReport | "cannot" | undefined;

/** What is known of an export. */
export interface Exporting {
  readonly target: ExportTarget;
  /** Undefined while no keeper is there to be asked. */
  readonly answer?: { readonly said: ExportAnswer; readonly silent: boolean };
}

/**
 * What a status says of an export.
 *
 * @param cache - as stored
 * @param exporting - what is known of it
 * @param trouble - why its registry does not run
 */
export function exportVerdict(
  cache: StoredOrasCache,
  { target, answer }: Exporting,
  trouble: Trouble | undefined,
): Verdict {
  if (target.problem !== undefined) return failed(cache, target.problem);
  const { to } = target;
  const said = answer?.said;
  if (said === "cannot")
    return failed(
      cache,
      `The registry's Pod was made by an earlier version, or before the annotation, and cannot export to ${to}. It is not replaced, because its artifacts would be lost. Copy them with: kubectl oras-cache backup ${identityOf(cache).name} DIR.`,
    );
  if (answer?.silent) return failed(cache, "The registry's keeper does not answer the operator.");
  if (said === undefined) {
    const waits = `The export to ${to} waits for the registry's keeper.`;
    return trouble === undefined ? exporting(waits) : failed(cache, `${waits} ${trouble.message}`);
  }
  const { trouble: why, refused, samples, done, total, whole, listed } = said;
  const count = `${done} of ${total} artifacts`;
  if (whole) return { status: "True", reason: "Exported", message: `${to} has ${counted(total)}.` };
  if (why !== undefined) return failed(cache, `${to} has ${count}, and nothing is copied by now: ${why}.`);
  if (refused > 0) {
    const more = refused > samples.length ? `, and ${refused - samples.length} more` : "";
    const which = samples.map(({ artifact, error }) => `${artifact}: ${error}`).join("; ");
    return failed(cache, `${to} has ${count}. Not copied: ${which}${more}.`);
  }
  return exporting(listed ? `${to} has ${count}.` : `The artifacts to copy to ${to} are being listed.`);
}

/** So many artifacts, in words. */
export function counted(total: number): string {
  return total === 1 ? "1 artifact" : `${total} artifacts`;
}

function exporting(message: string): Verdict {
  return { status: "False", reason: "Exporting", message };
}

function failed(cache: StoredOrasCache, message: string): Verdict {
  const { namespace, name } = identityOf(cache);
  const command = `kubectl annotate --namespace ${namespace} ${names.singular} ${name} ${names.exportAnnotation}-`;
  return {
    status: "False",
    reason: "ExportFailed",
    message: `${message} It is tried again. To delete the ${names.kind} without its artifacts: ${command}`,
  };
}

/**
 * Where the artifacts of a cache are that went without an export.
 *
 * @param cache - as stored
 * @param namespaceGoes - whether volumes go, too
 */
export function whatStays(cache: StoredOrasCache, namespaceGoes: boolean): string {
  const location = s3Location(cache);
  if (location !== undefined) return `Its artifacts stay at ${location}.`;
  const storage = storageOf(cache);
  const { persistentVolumeClaim } = cache.spec.storage ?? {};
  if (
    storage.kind === "persistentVolumeClaim" &&
    !namespaceGoes &&
    persistentVolumeClaim?.onDelete !== "Delete"
  )
    return `The PersistentVolumeClaim ${storage.claim} keeps its artifacts.`;
  return "Its artifacts are lost, unless its volume is kept by other means.";
}

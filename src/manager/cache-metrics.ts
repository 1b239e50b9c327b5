import { Counter, Gauge, type Registry } from "prom-client";
import { percentOf, type Usage } from "../cache/usage.ts";

interface Named {
  readonly name: string;
  readonly namespace: string;
}

/** What is told of all OrasCaches, whenever metrics are read. */
interface ToldCaches {
  readonly conditions: () => Iterable<{
    readonly namespace: string;
    readonly type: string;
    readonly status: string;
  }>;
  /** When retention is overdue, in milliseconds since 1970. */
  readonly stale: () => Iterable<Named & { readonly at: number }>;
}

const nothing: ToldCaches = { conditions: () => [], stale: () => [] };
const labelNames = ["namespace", "name"];

/** What the leader tells of OrasCaches; a replica that does not lead has none of it. */
export function cacheMetrics(registers: Registry[]) {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `oras_operator_cache_${name}`, help, labelNames, registers });
  const stored = gauge("stored_bytes", "What the registry of an OrasCache has stored.");
  const artifacts = gauge("artifacts", "Tags in the registry of an OrasCache.");
  const full = gauge("full_ratio", "How full the volume of an OrasCache is, from 0 to 1.");
  let caches = nothing;
  new Gauge({
    name: "orascache_caches",
    help: "OrasCaches, by the conditions in their status.",
    labelNames: ["namespace", "condition", "status"],
    registers,
    collect() {
      this.reset();
      for (const { namespace, type: condition, status } of caches.conditions())
        this.inc({ namespace, condition, status });
    },
  });
  new Gauge({
    name: "orascache_retention_stale_timestamp_seconds",
    help: "When retention will have missed three times of its schedule, as seconds since 1970, if it does not succeed before.",
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { namespace, name, at } of caches.stale()) this.set({ namespace, name }, at / 1000);
    },
  });
  const { lastSuccess, ...retention } = retentionMetrics(registers);
  return {
    ...retention,
    /** From now on this replica leads, and tells of these. */
    tellOfCaches: (of: ToldCaches) => {
      caches = of;
    },
    /** It leads no longer: what it knows gets old, and the next leader tells the same. */
    forgetCaches: () => {
      caches = nothing;
      for (const known of [stored, artifacts, full, lastSuccess]) known.reset();
    },
    observeUsage: (cache: Named, usage: Usage | undefined) => {
      if (usage === undefined) {
        for (const known of [stored, artifacts, full]) known.remove({ ...cache });
        return;
      }
      stored.set({ ...cache }, usage.bytes);
      artifacts.set({ ...cache }, usage.artifacts);
      if (usage.room === undefined) full.remove({ ...cache });
      else full.set({ ...cache }, percentOf(usage.room) / 100);
    },
  };
}

/** Retention of caches, by their names; what keepers have freed, their own metrics tell. */
function retentionMetrics(registers: Registry[]) {
  const deletedManifests = new Counter({
    name: "orascache_retention_deleted_total",
    help: "Manifests that retention deleted, by the number of the rule; 0: without a tag.",
    labelNames: [...labelNames, "rule"],
    registers,
  });
  const failures = new Counter({
    name: "orascache_retention_failures_total",
    help: "Passes of retention that failed.",
    labelNames,
    registers,
  });
  const lastSuccess = new Gauge({
    name: "orascache_retention_last_success_timestamp_seconds",
    help: "When retention last did what it should, as seconds since 1970.",
    labelNames,
    registers,
  });
  /** Those of any cache: a series is removed by all of its labels. */
  const rules = new Set<number>();
  return {
    lastSuccess,
    countRetention: (
      { name, namespace }: Named,
      deleted: readonly { readonly whole: boolean; readonly rule?: number }[] | "failed",
      now: number,
    ) => {
      if (deleted === "failed") return failures.inc({ name, namespace });
      for (const { rule = 0 } of deleted.filter(({ whole }) => whole)) {
        rules.add(rule);
        deletedManifests.inc({ name, namespace, rule });
      }
      lastSuccess.set({ name, namespace }, Math.floor(now / 1000));
    },
    forgetRetention: ({ name, namespace }: Named) => {
      for (const rule of rules) deletedManifests.remove({ name, namespace, rule });
      failures.remove({ name, namespace });
      lastSuccess.remove({ name, namespace });
    },
  };
}

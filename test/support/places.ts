import type { Place } from "../../src/workload/places.ts";

/**
 * The smallest object of a kind that the API server accepts, with something in the metadata at a path.
 *
 * @param place - of places
 * @param path - as in `read`, or `metadata`; in a list it is the second element
 * @param metadata - annotations or labels
 */
export function objectOf(place: Place, path = "metadata", metadata: object = {}): object {
  const at = (here: string) => (here === path ? metadata : {});
  const labels = { app: "x" };
  const labelled = (here: string, more: object = {}) => {
    const metadata: { labels?: object } = at(here);
    return { ...metadata, ...more, labels: { ...metadata.labels, ...labels } };
  };
  const pod = (here: string) => ({
    metadata: labelled(here),
    spec: {
      containers: [{ name: "main", image: "example.com/x" }],
      restartPolicy: place.group === "apps" ? "Always" : "Never",
    },
  });
  const job = (here: string) => ({
    metadata: at(`${here}.metadata`),
    spec: { template: pod(`${here}.spec.template.metadata`) },
  });
  const specs: Record<string, object> = {
    Pod: pod("").spec,
    Job: { template: pod("spec.template.metadata"), suspend: true },
    CronJob: { schedule: "0 0 1 1 *", jobTemplate: job("spec.jobTemplate") },
    StatefulSet: { serviceName: "x" },
    JobSet: {
      replicatedJobs: [
        { name: "first", template: {} },
        { name: "second", template: job("spec.replicatedJobs[].template") },
      ],
    },
  };
  return {
    apiVersion: place.group === "" ? place.version : `${place.group}/${place.version}`,
    kind: place.kind,
    // A Job without labels gets those of its template.
    metadata: labelled("metadata", { name: "x" }),
    spec: {
      ...specs[place.kind],
      ...(place.group === "apps" && {
        selector: { matchLabels: labels },
        template: pod("spec.template.metadata"),
      }),
    },
  };
}

/** Minor version of the API server that the integration tests run against: another one than the cluster's for `make test-versions`. */
export const minor = Number(/^1\.(\d+)$/.exec(process.env["ORAS_OPERATOR_API_SERVER"] || "1.36")?.[1]);

/** From which minor version on something is there without a feature gate. */
export const since = {
  /** KEP-3998: SuccessCriteriaMet of a Job that is not Indexed. */
  jobsAreMet: 31,
  /** KEP-4368; before, the API server drops managedBy of a Job. */
  jobsAreManaged: 32,
  /** KEP-4639; before, the field is unknown. */
  imageVolumes: 31,
  /** KEP-1880. */
  serviceCidrs: 33,
  /** KEP-1287. */
  podResize: 33,
  /** The API server checks the whole template of a StatefulSet; 1.30 leaves it to the Pods. */
  checkedTemplates: 34,
  /** KEP-2837; before, the API server drops the fields. */
  podResources: 34,
  /** MutableSchedulingDirectivesForSuspendedJobs: a Job that is suspended after its start has none any more. */
  suspendedJobsForgetStart: 36,
  /** KEP-3962. */
  mutatingPolicies: 36,
} as const;

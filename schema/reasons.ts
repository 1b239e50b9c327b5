import { type ExitCode, exitCodes } from "./exit-codes.ts";

/** Conditions of an OrasCache, in the order in which they are kept; the last nine are there only when they hold. */
export const conditionTypes = {
  Ready: "The registry answers and is what the spec asks for.",
  Available: "The registry answers.",
  Progressing: "The registry is being rolled out, for at most 10 minutes, or its volume grows.",
  Degraded: "Something is wrong; reason and message say what.",
  SweepHealthy: "Retention did what its schedule asks for when it last ran.",
  Mirrored: "The registry of spec.mirrorTo has the artifacts that are to be copied there.",
  Exported:
    "The registry of the annotation export-to has all artifacts, so the deletion of the OrasCache may go on.",
  UpdatePending:
    "A new image or new settings take effect when the registry's Pod is restarted; its artifacts are lost then.",
  StorageLost: "Artifacts were lost when the registry's Pod or its volume was replaced.",
  StorageLow: "The registry's volume is nearly full.",
  UsersProblem:
    "Lines of the Secret of spec.auth.usersSecretRef are left out, or should be others. The registry's other users are not affected.",
  NodeLost: "The registry's Pod does not end, because its node does not answer.",
  NodesBlocked: "Nodes do not reach the registry at spec.nodeAddress: its NetworkPolicy lets none in.",
  KeeperUnreachable:
    "The operator gets no report of the registry's keeper, although its Pod is ready: status.storage gets old, retention and rotation wait. Steps are not affected.",
  Rotating: "Another login is made; new Pods do not get it yet.",
  Open: "The registry asks for no password, although its spec does, or the registries of new OrasCaches do.",
} as const;

export type ConditionType = keyof typeof conditionTypes;

interface Reason {
  readonly meaning: string;
  /** What to do, if anything. */
  readonly fix?: string;
}

/** Reasons of an OrasCache's conditions that say how it is. */
const states = {
  Pending: {
    meaning: "The operator has not looked at the OrasCache yet.",
    fix: "If that stays so: kubectl oras-cache check says whether the operator runs, if you may see it.",
  },
  RegistryReady: { meaning: "The registry's Pod is ready." },
  RegistryNotReady: { meaning: "No Pod of the registry is ready." },
  RollingOut: { meaning: "The registry's Pod is being started or replaced." },
  RolledOut: { meaning: "The registry is what the spec asks for." },
  ProgressDeadlineExceeded: {
    meaning: "The registry did not become ready within 10 minutes.",
    fix: "Look for the cause with kubectl describe statefulset,pod.",
  },
  AsExpected: { meaning: "No problem was found." },
  NotDeployed: { meaning: "spec.deploy is false, so the operator runs no registry." },
  RemoteRegistry: { meaning: "The OrasCache names a remote registry, which answers or has not been asked." },
  RegistryUnreachable: {
    meaning: "The remote registry does not answer.",
    fix: "Check spec.registry, and whether the cluster can reach it.",
  },
  PodKeepsArtifacts: {
    meaning:
      "The registry's Pod may hold artifacts in its emptyDir, so the operator does not replace it to update it.",
    fix: "Restart it when its artifacts are no longer needed; the message has the command. Or keep artifacts on a volume.",
  },
  VolumeGrowing: {
    meaning: "The volume of the registry is being made larger.",
    fix: "Wait, or look at the conditions of the PersistentVolumeClaim.",
  },
  Suspended: {
    meaning: "spec.suspend is true, so no registry runs; its volume is kept.",
    fix: "Set spec.suspend to false to run it again.",
  },
  KeptOpen: {
    meaning:
      "The registry ran without a password before new ones got one, and stays open, because Pods that run have none.",
    fix: "Set spec.auth.type to htpasswd when no step runs, or to none to keep it open.",
  },
  KeptReachable: {
    meaning:
      "Every Pod of the cluster reaches the registry, as before new ones got a NetworkPolicy, because steps of other namespaces may use it.",
    fix: "Set spec.networkPolicy.mode to namespace, and from if others need it, or mode to none to leave it so.",
  },
  StillOpen: {
    meaning:
      "The registry's Pod was started without a password, and is not replaced, because it may hold artifacts.",
    fix: "Restart it when its artifacts are no longer needed; the message has the command.",
  },
  NodeAddressNotAllowed: {
    meaning: "spec.nodeAddress is set, and the registry's NetworkPolicy lets in Pods of its namespace alone.",
    fix: "Name in spec.networkPolicy.from where the traffic of nodes comes from: the Ingress controller, or the addresses of nodes as ipBlock.",
  },
  KeeperTimesOut: {
    meaning:
      "The operator's connections to the registry's keeper get no answer: probably a NetworkPolicy drops them.",
    fix: "Let the operator's Pods reach port 5002; the message says which NetworkPolicy there is, and what the others have to allow.",
  },
  KeeperRefusesConnections: {
    meaning:
      "The operator's connections to the registry's keeper are refused although its Pod is ready: probably a NetworkPolicy rejects them.",
    fix: "Let the operator's Pods reach port 5002; the message says which NetworkPolicy there is, and what the others have to allow.",
  },
  KeeperNotTrusted: {
    meaning: "The TLS handshake with the registry's keeper fails.",
    fix: "Exclude port 5002 from what replaces certificates, such as a mesh; or restart the registry's Pod.",
  },
  KeeperUnauthorized: {
    meaning: "The registry's keeper answers 401: it does not know the operator's token.",
    fix: "Restart the registry's Pod, if the operator's key is another one than before.",
  },
  KeeperAnswersWrong: {
    meaning: "The registry's keeper takes the operator's connection, and gives no answer, or a wrong one.",
    fix: "Look at the log of the container keeper.",
  },
  ClaimReplaced: {
    meaning:
      "The registry uses another PersistentVolumeClaim than before, without the artifacts of that one.",
    fix: "Put the claim back if that was not meant, or run the steps again whose artifacts are needed.",
  },
  VolumeReplaced: {
    meaning:
      "The registry's volume is another one than before, or was emptied, without the artifacts of that one.",
    fix: "Restore the volume if that was not meant, or run the steps again whose artifacts are needed.",
  },
  NearlyFull: {
    meaning: "The registry's volume is as full as spec.storage.warnAt says, or fuller.",
    fix: "Make the volume larger, or delete artifacts: their space comes back by the runs of spec.retention, and without it not at all.",
  },
  UsersLeftOut: {
    meaning:
      "The Secret of spec.auth.usersSecretRef is not there, or has lines that are no users: these are left out.",
    fix: "Correct the lines that the message names: htpasswd -nB -C 5 USER makes one.",
  },
  RotationWaits: {
    meaning: "New Pods get another login once every Pod of the registry knows it.",
    fix: "Nothing, if the registry is about to start; the message names what it waits for.",
  },
  UsersSlow: {
    meaning:
      "Lines of the Secret of spec.auth.usersSecretRef should be others: the registry computes the hash at each request, and one of a high cost takes it long; of a user that is there twice the last line counts.",
    fix: "Correct the lines that the message names: htpasswd -nB -C 5 USER makes one.",
  },
  RefusesSteps: {
    meaning:
      "The registry's volume is as full as spec.storage.refuseAt says, or fuller: steps with an output fail before their program runs.",
    fix: "Make the volume larger, or delete artifacts: their space comes back by the runs of spec.retention, and without it not at all. Then create the steps again. A volume that grows needs no restart of the registry; the sizeLimit of an emptyDir does, which loses its artifacts: back them up first.",
  },
  NotSwept: { meaning: "Retention has not run yet." },
  Swept: { meaning: "Retention deleted what the rules let go, and freed what no manifest names." },
  RetentionPlanned: {
    meaning: "spec.retention.dryRun is true: the message says what would be deleted.",
    fix: "Set spec.retention.dryRun to false to delete it.",
  },
  SweepFailed: {
    meaning: "Retention did not do all that it should; it goes on at the next time of its schedule.",
    fix: "The message says why.",
  },
  NotMirrored: {
    meaning: "It is not known yet whether artifacts are copied to the registry of spec.mirrorTo.",
  },
  Mirrored: { meaning: "Nothing waits to be copied to the registry of spec.mirrorTo." },
  MirrorBehind: {
    meaning: "Artifacts wait for more than five minutes to be copied to the registry of spec.mirrorTo.",
    fix: "Nothing, if many or large ones were pushed; see the metric orascache_mirror_lag_seconds.",
  },
  MirrorFailed: {
    meaning: "Artifacts are not copied to the registry of spec.mirrorTo. It is tried again.",
    fix: "The message says why; correct the registry, or the Secret of spec.mirrorTo.secretRef.",
  },
  Exporting: {
    meaning:
      "The OrasCache is being deleted, and its artifacts are copied to the registry of its annotation export-to before.",
  },
  Exported: { meaning: "The registry of the annotation export-to has all artifacts; the OrasCache goes." },
  ExportFailed: {
    meaning:
      "The OrasCache is kept although it is being deleted, because not all of its artifacts can be copied to the registry of its annotation export-to, or the annotation is wrong. It is tried again.",
    fix: "The message says why; correct the registry, the annotation, or the Secret whose name is that of the OrasCache with -export. To delete the OrasCache without its artifacts, remove the annotation.",
  },
  PodReplaced: {
    meaning: "The registry's Pod was replaced, and its artifacts are lost.",
    fix: "Run the steps again whose artifacts are needed.",
  },
} as const satisfies Record<string, Reason>;

/** Reasons of conditions that say what is wrong; each is an Event of the OrasCache, too. */
const troubles = {
  ImagePullFailed: {
    meaning: "The image of the registry cannot be pulled.",
    fix: "Correct spec.image, or make the image available to the nodes.",
  },
  Unschedulable: {
    meaning: "No node fits the registry's Pod.",
    fix: "Make room on a node; the message says what is missing. If it speaks of a PersistentVolumeClaim, look at kubectl describe persistentvolumeclaim: without a StorageClass that has a provisioner, you have to create the volume.",
  },
  CrashLoopBackOff: {
    meaning: "The registry's container ends again and again.",
    fix: "Look at its log with kubectl logs --previous.",
  },
  CreateContainerConfigError: {
    meaning: "The registry's container refers to something that does not exist, such as a Secret.",
    fix: "Create what the message names, or correct spec.secrets.",
  },
  QuotaExceeded: {
    meaning: "A ResourceQuota of the namespace leaves no room.",
    fix: "Free resources, ask for less in spec.resources, or have the quota raised.",
  },
  ResourcesNotSet: {
    meaning:
      "A ResourceQuota of the namespace counts requests or limits that the registry's Pod does not set. The message names them and the containers.",
    fix: "Set them in spec.resources, such as limits: {cpu: 500m, memory: 128Mi}. The keeper gets the same up to 100m CPU, 64Mi memory and 64Mi ephemeral-storage, and the quota counts both: 600m and 192Mi in the example.",
  },
  LimitRangeViolation: {
    meaning:
      "A LimitRange of the namespace does not allow the resources of the registry's Pod, or the size of its volume.",
    fix: "Look at kubectl describe limitrange. Set requests and limits in spec.resources within its bounds, those of the keeper too: it gets the same, from 10m to 100m CPU and from 32Mi to 64Mi memory. For a PersistentVolumeClaim set spec.storage.persistentVolumeClaim.size.",
  },
  PodSecurityViolation: {
    meaning: "The Pod Security level of the namespace does not allow the registry's Pod.",
    fix: "The message names the fields; use a namespace with another level.",
  },
  PodRefused: {
    meaning: "The API server refuses the registry's Pod.",
    fix: "The message says who refuses it and why: a policy, a webhook of others, or a PriorityClass or ServiceAccount that does not exist. Correct the spec, or ask who administers the cluster.",
  },
  PodFailed: { meaning: "The registry's Pod failed.", fix: "The message says why; look at the Pod's node." },
  VolumeCannotGrow: {
    meaning:
      "The API server refuses to make the volume of the registry larger; it goes on to run with the size it has.",
    fix: "Use a StorageClass with allowVolumeExpansion. The size cannot be put back: to keep the volume as it is, name it in spec.storage.persistentVolumeClaim.claimName of a new OrasCache.",
  },
  VolumeNotWritable: {
    meaning: "The registry cannot write to its volume: pulls work, pushes do not.",
    fix: "Give the folder that the message names to the user that it names, or use a storage driver that applies fsGroup.",
  },
  NodeLost: {
    meaning:
      "The registry's Pod was to end more than a minute ago, and its node does not say that it has. No other Pod is started while it may still write.",
    fix: "Bring the node back. If it is dead, say so with the taint node.kubernetes.io/out-of-service, or delete the Pod by force.",
  },
  NameTaken: {
    meaning: "An object that does not belong to the OrasCache has a name that it needs.",
    fix: "Delete or rename that object, or give the OrasCache another name.",
  },
  PrefixTaken: {
    meaning:
      "Another OrasCache keeps its artifacts in the same folder of the bucket: one of the cluster, there or in a folder around it or within it, or one of another cluster.",
    fix: "Give spec.storage.s3.prefix another value; the message names the other OrasCache.",
  },
  BeingDeleted: {
    meaning: "An object of the OrasCache is being deleted, and its finalizers hold it.",
    fix: "The message names the finalizers; let their controllers finish, or remove those whose controller is gone.",
  },
  EnvConflicts: {
    meaning:
      "The Secret of spec.secrets.orasEnv has variables that decide what the OrasCache decides, so the registry does not start.",
    fix: "Take the variables that the message names out of the Secret, and use the fields of the spec.",
  },
  CertificateUnusable: {
    meaning:
      "The Secret of spec.tls.secretName is not there, or its certificate cannot be used. A registry that runs goes on with the one before.",
    fix: "The message says what is wrong; correct the Secret. Within two minutes the registry has it, without a restart of its Pod.",
  },
  StillPlain: {
    meaning:
      "The registry's Pod was started without TLS, and is not replaced, because it may hold artifacts.",
    fix: "Restart it when its artifacts are no longer needed; the message has the command.",
  },
  AuthNotEnforced: {
    meaning: "The registry answers without a password, although it should ask for one.",
    fix: "Remove variables that begin with REGISTRY_AUTH from spec.secrets.orasEnv; use an image of distribution.",
  },
  Contested: {
    meaning: "Somebody keeps changing an object that the operator manages.",
    fix: "The Events DriftCorrected say who; stop one of the two.",
  },
  Invalid: {
    meaning: "The API server refuses an object of the OrasCache as invalid.",
    fix: "Correct the spec.",
  },
  Forbidden: {
    meaning: "The operator may not create or change an object of the OrasCache.",
    fix: "Check its RBAC and the policies of the cluster.",
  },
  ApplyFailed: {
    meaning: "An object of the OrasCache could not be created or changed; the operator retries.",
    fix: "The message has the answer of the API server.",
  },
} as const satisfies Record<string, Reason>;

/** Reasons of an OrasCache's conditions. */
export const conditionReasons = { ...states, ...troubles };

/**
 * A reason of a condition: one of the table, or a reason of Kubernetes that is passed on as it is, such as the
 * kubelet's for a container that waits.
 */
export type ConditionReason = keyof typeof conditionReasons | ReasonOfKubernetes;

/** Conditions of a Pod or a Job, which have the prefix of the annotations. */
export const stepConditions = {
  InputsAvailable:
    "Whether the inputs of a step with wait-for-inputs are there; the message has for what it waits, or the digests.",
  OutputIndexed:
    "Whether the index of all that an Indexed Job has pushed, which output-index asks for, is written.",
} as const;

/** Reasons of these conditions, beside those of Events. */
export const stepConditionReasons = {
  IndexPending: { meaning: "The index is not written yet, and is tried again; the message says why." },
  IndexSuperseded: {
    meaning: "The index is not written: its tag has, or will have, what a later step makes.",
    fix: "To have that of this Job, create the Job again.",
  },
} as const satisfies Record<string, Reason>;

/** A reason of a condition that says what is wrong. */
export type TroubleReason = keyof typeof troubles | ReasonOfKubernetes;

export type ReasonOfKubernetes = string & { readonly ofKubernetes: true };

/** Reasons of Events about an OrasCache, beside those of its conditions. */
const cacheEvents = {
  ProvenanceFailed: {
    meaning:
      "It cannot be recorded how artifacts were made. The artifacts themselves are there. It is tried again for an hour.",
    fix: "The message says why; it is of the registry.",
  },
  ProvenanceNotWritten: {
    meaning:
      "It is not recorded how artifacts were made that steps push to a remote registry: the operator has no login for it.",
    fix: "Set spec.lineage.provenance to false to be told of it no more.",
  },
  ProvenanceNotSigned: {
    meaning:
      "Statements of how artifacts were made cannot be signed with the key of spec.lineage.signingKeySecret. Each waits 5 minutes for a key, then it is written without a signature.",
    fix: "Create the Secret, or let the operator read it; the message says what is wrong with it.",
  },
  Forgotten: {
    meaning:
      "Results of steps are not taken any more, as the annotation forget asked for; the message has which.",
  },
  OldestForgotten: {
    meaning:
      "The OrasCache lists as many forgotten results as it can. The oldest of the list went, and with them what was remembered before and not taken for long: equal steps run once more.",
    fix: "Use memoize: refresh for what has to run, not for each run; memoize: off where a result is never taken.",
  },
  NotForgotten: {
    meaning: "What the annotation forget of the OrasCache asks for was not done. The message says why.",
    fix: "Correct what the message names, and ask again with another value.",
  },
  Created: { meaning: "The operator created objects of the OrasCache." },
  Updated: { meaning: "The operator updated objects of the OrasCache." },
  Deleted: { meaning: "The operator deleted objects of the OrasCache." },
  Recreated: {
    meaning: "An object was deleted to create it again, because a changed field cannot be updated.",
  },
  DriftCorrected: {
    meaning: "Somebody changed an object of the OrasCache, and the operator changed it back.",
    fix: "Change the OrasCache instead; the message names the fields and who set them.",
  },
  RollingOut: { meaning: "The registry's Pod is being replaced; the message says what changes." },
  RolledOut: { meaning: "The registry's Pod was replaced." },
  VolumeGrown: { meaning: "The volume of the registry is larger now." },
  Rotated: {
    meaning:
      "New Pods get another login. The one before is valid for 24 hours, and as long as Pods and Jobs have it.",
  },
  LoginEnded: { meaning: "A login before the last rotation is not valid any more." },
  AbandonedImage: {
    meaning: "spec.image is the default of the original operator, which is not updated any more.",
    fix: "Remove spec.image.",
  },
  StorageLost: {
    meaning: "The registry's Pod or its volume was replaced, and its artifacts are lost.",
    fix: "Run the steps again whose artifacts are needed.",
  },
  NearlyFull: states.NearlyFull,
  RefusesSteps: states.RefusesSteps,
  UsersLeftOut: states.UsersLeftOut,
  UsersSlow: states.UsersSlow,
  KeptOpen: states.KeptOpen,
  KeptReachable: states.KeptReachable,
  StillOpen: states.StillOpen,
  NodeAddressNotAllowed: states.NodeAddressNotAllowed,
  KeeperTimesOut: states.KeeperTimesOut,
  KeeperRefusesConnections: states.KeeperRefusesConnections,
  KeeperNotTrusted: states.KeeperNotTrusted,
  KeeperUnauthorized: states.KeeperUnauthorized,
  KeeperAnswersWrong: states.KeeperAnswersWrong,
  Swept: states.Swept,
  RetentionPlanned: states.RetentionPlanned,
  SweepFailed: states.SweepFailed,
  Emptied: { meaning: "All objects of the folder of the bucket were deleted with the OrasCache." },
  EmptyFailed: {
    meaning: "The folder of the bucket is not empty yet; the OrasCache is held until it is.",
    fix: "The message says why, and how to let the OrasCache go.",
  },
  NotEmptied: {
    meaning:
      "The OrasCache went, and the folder of its bucket stays, although storage.s3.onDelete is Delete.",
    fix: "Delete the folder: the message has the command.",
  },
  Mirrored: states.Mirrored,
  MirrorBehind: states.MirrorBehind,
  MirrorFailed: states.MirrorFailed,
  Exporting: states.Exporting,
  Exported: states.Exported,
  ExportFailed: states.ExportFailed,
  NotExported: {
    meaning:
      "The OrasCache went without the export that its annotation export-to asks for: its namespace was being deleted, or it was deleted with --cascade=foreground. Of a namespace that goes, the Event is about the operator's Pod.",
    fix: "The message says where the artifacts are, if they are kept. Delete the OrasCache first and wait for it, then its namespace.",
  },
} as const satisfies Record<string, Reason>;

/** Reasons of Events about a step's Pod and its Job, beside those of exit codes. */
const stepEvents = {
  CacheNotFound: {
    meaning: "The OrasCache that the Pod waits for does not exist.",
    fix: "Create it, or correct the annotation oras-cache and create the step again.",
  },
  CacheNotReady: {
    meaning: "The registry of the OrasCache that the Pod uses cannot be used. The message says why.",
    fix: "See kubectl describe orascache. The step goes on once its registry is ready, unless its timeout ends it before.",
  },
  ContainerLost: {
    meaning:
      "A wrapped container ended without having told the container oras, and is not started again, so the operator ended the Pod.",
    fix: "The message has what the kubelet says of the container; correct that and create the step again.",
  },
  PusherLost: {
    meaning:
      "The container oras ended before a wrapped container could reach it, or failed beside a container of others that keeps the Pod, and is not started again, so the operator ended the Pod.",
    fix: "Look at the log of the container oras, correct what it names and create the step again.",
  },
  WaitingForAgent: {
    meaning:
      "The container to wrap is not started, because the container oras does not run; the kubelet reports CreateContainerConfigError until it does.",
    fix: "Correct what the message says of the container oras, such as an image that cannot be pulled.",
  },
  WaitingForInputs: {
    meaning: "The step waits for its inputs; the message has which, and who makes them.",
    fix: 'Nothing, if a step makes them. Otherwise push them, or set wait-for-inputs to "false" to start the step by hand.',
  },
  InputsAvailable: { meaning: "The step starts; the message has the digests of its inputs." },
  LoginNotReadable: {
    meaning:
      "An input is in a remote registry whose login a Secret has that the operator may not read: the step waits for it in its Pod, on a node.",
    fix: "Nothing, if that is well. Otherwise let the operator read that one Secret; the message has the commands. What is created afterwards is held until its inputs are there.",
  },
  InputTagMoved: {
    meaning:
      "The tag of an input names another artifact than when the step was started. The step goes on with what it was started with.",
    fix: "Nothing, if it is to read that; otherwise delete the step and create it again.",
  },
  InputProducerFailed: {
    meaning:
      "A step that was to push an input failed, and no other one is going to push it. The message says which, in which of its containers and with which exit code, as far as that is known; of one that failed because of another step, that of the first.",
    fix: 'Create the step that failed again. Or set wait-for-inputs to "false" on the one that waits, to start it with what is there.',
  },
  InputCycle: {
    meaning: "Steps wait for each other, so that none of them starts; the message has the circle.",
    fix: 'Correct input-uri of one of them, or set wait-for-inputs to "false" on one.',
  },
  AnnotationsRefused: {
    meaning:
      "The step waits, and its annotations are not valid any more: they were changed past the webhook, or an earlier version has accepted them. The message has what is wrong.",
    fix: "Correct them, or delete the step and apply it again.",
  },
  StartRefused: {
    meaning:
      "The API server refuses what the operator writes to start or to end a step that waits; the message has why.",
    fix: "Correct what the message names, such as a policy of the cluster. The operator tries again, at least every five minutes.",
  },
  Memoized: {
    meaning:
      "The step did not run, or not the indexes that the message names: the result was there already. The message has its key, who made the result, and when.",
  },
  MemoMiss: {
    meaning:
      "The step runs, and what it makes is remembered. The message says why there is no result yet, and what differs from the last run with this output; or that memoize is refresh or verify.",
  },
  MemoConfirmed: {
    meaning:
      "A step with memoize: verify made what was remembered for it. The message has the digest, and who made it before.",
  },
  NothingToCompare: {
    meaning:
      "A step with memoize: verify has run, and nothing was remembered for it. What it made is remembered now.",
  },
  Coalesced: { meaning: "The step waits for another one that does the same work, to take its result." },
  NotMemoizable: {
    meaning:
      "What the step makes is not remembered, because it cannot be known what it depends on. A step that waits is told at once where that is an image whose tag nobody resolves. Where its OrasCache asks for memoization, and not the step, the Event is Normal.",
    fix: "The message says what to write.",
  },
  MemoMismatch: {
    meaning:
      "A step with memoize: verify made another result than the one that was remembered for it, which is forgotten now. The message has both digests.",
    fix: "Something that the operator does not see changes the result, such as the time or a random number. Remove that, or memoize.",
  },
  NotRemembered: {
    meaning: "What the step makes is not remembered. The message says why.",
    fix: "Name images by their digests, and change nothing of a step and its Pods while it runs.",
  },
  Pushed: { meaning: "The output was pushed; the message has its digest." },
  IndexPushed: {
    meaning: "The index of what the Pods of the Job have pushed was written; the message has its digest.",
  },
  IndexNotPushed: {
    meaning:
      "The index of what the Pods of the Job have pushed is not written; the message says why, and whether it is tried again.",
    fix: "Correct what the message names, and create the Job again where it is not tried again.",
  },
  NotPushed: {
    meaning: "The step ended without anything to push; the message says why.",
    fix: "Correct what the message names, such as the program that failed or output-path, and create the step again.",
  },
  TagMoved: {
    meaning:
      "The output's tag pointed to another artifact before, which another step has made, as far as is known. Of a step that is run again, Pushed says it. The operator knows what was pushed since it leads; of what was before, the statement in the registry of the OrasCache tells, if it has one.",
    fix: "Give each output its own tag if that was not meant.",
  },
} as const satisfies Record<string, Reason>;

type ExitCodeName = keyof typeof exitCodes;

/** The reason of the Event about a container that ended with an exit code of the operator. */
export function reasonOfExitCode<Name extends ExitCodeName>(name: Name): Capitalize<Name> {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}` as Capitalize<Name>;
}

const exitEvents = Object.fromEntries(
  (Object.keys(exitCodes) as ExitCodeName[]).map((name) => {
    const { code, container, meaning, fix }: ExitCode = exitCodes[name];
    const all = { meaning: `${meaning} Exit code ${code} of ${container}.` };
    return [reasonOfExitCode(name), fix === undefined ? all : { ...all, fix }];
  }),
) as Record<Capitalize<ExitCodeName>, Reason>;

/** Reasons of Events, by what they are about. */
export const eventReasons = {
  OrasCache: { ...cacheEvents, ...troubles },
  step: { ...stepEvents, ...exitEvents },
};

/** Events that tell of what goes on; all others are Warnings. */
const normalEvents: readonly (keyof typeof cacheEvents | keyof typeof stepEvents)[] = [
  "ProvenanceNotWritten",
  "Forgotten",
  "Created",
  "Updated",
  "Deleted",
  "Recreated",
  "RollingOut",
  "RolledOut",
  "VolumeGrown",
  "Rotated",
  "LoginEnded",
  "Swept",
  "RetentionPlanned",
  "Emptied",
  "Mirrored",
  "Exporting",
  "Exported",
  "WaitingForInputs",
  "LoginNotReadable",
  "InputsAvailable",
  "InputTagMoved",
  "Memoized",
  "MemoMiss",
  "MemoConfirmed",
  "NothingToCompare",
  "Coalesced",
  "Pushed",
  "IndexPushed",
  "NotPushed",
];

/**
 * The type of an Event, as `kubectl describe` shows it: Normal or Warning.
 *
 * @param reason - of the Event
 */
export function typeOfEvent(reason: string): "Normal" | "Warning" {
  return normalEvents.some((normal) => normal === reason) ? "Normal" : "Warning";
}

/** A reason of an Event. */
export type EventReason =
  | keyof typeof eventReasons.OrasCache
  | keyof typeof eventReasons.step
  | ReasonOfKubernetes;

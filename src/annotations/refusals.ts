/** Why a step cannot be memoized: each code with what it means and what to write. */
export const refusalCatalogue = {
  ConfigNotSeen: {
    summary: "A step reads a ConfigMap, which can change without the step.",
    fix: 'Write the value into the manifest. Or add "config" to memoize-assume, and to memoize-extra a version of the ConfigMap that you raise when it changes; without that if it does not change the result. A variable that does not count may be named in memoize-ignore-env instead.',
  },
  SecretNotSeen: {
    summary: "A step reads a Secret, which can change without the step.",
    fix: 'Add "secrets" to memoize-assume, and to memoize-extra a version of the Secret that you raise when it changes; without that if it does not change the result. A variable that does not count may be named in memoize-ignore-env instead.',
  },
  VolumeNotSeen: {
    summary: "A step reads a volume whose content can change without the step.",
    fix: 'Pass the files as an input, name an image volume by its digest, or add "volumes" to memoize-assume if they do not change the result.',
  },
  IdentityNotSeen: {
    summary: "A step reads something that is different in each Pod, or not known before it runs.",
    fix: 'Remove it, or add "identity" to memoize-assume if it does not change the result. A variable that does not count may be named in memoize-ignore-env instead.',
  },
  AmountNotSet: {
    summary: "A step reads how much of a resource it gets, and the manifest does not say how much that is.",
    fix: 'Set the request or limit of the container, or add "identity" to memoize-assume if it does not change the result.',
  },
  TagNotResolved: {
    summary: "The digest of an image is not known.",
    fix: 'Name the image by its digest, or add "tags" to memoize-assume if its tag does not move.',
  },
  NoOutputToKeep: {
    summary: "The step has no output that could be used again.",
    fix: "Set output-uri, or remove memoize.",
  },
  OutputOfFailures: {
    summary: "The step pushes its output after a failure, too.",
    fix: "Remove push-on, or remove memoize.",
  },
  ScriptsNotSeen: {
    summary: "The step runs scripts from a URL, which can change without the step.",
    fix: "Remove entrypoint and oras-entrypoint, or remove memoize.",
  },
  OneOutputOfSeveralPods: {
    summary: "Several Pods of the step push one output, so it is not the result of one of them.",
    fix: "Make it an Indexed Job with $(JOB_COMPLETION_INDEX) in output-uri, or remove memoize.",
  },
  MadeByController: {
    summary: "The Pod belongs to a controller that makes another one when it ends.",
    fix: "Run the step as a Job or as a Pod without controller, or remove memoize.",
  },
  OutputNotKnown: {
    summary: "The name of the output is known in the Pod only.",
    fix: "Remove $(POD_NAME), $(POD_UID) and $(NODE_NAME) from output-uri, or remove memoize.",
  },
  NotHeldAsOne: {
    summary:
      "The Pods of the step are held one by one or not at all, so it is not known before it starts whether its result is there.",
    fix: "Annotate the Job itself, without nodeName, oras-env, and variables of a Pod in input-uri; or remove memoize.",
  },
} as const satisfies Record<string, { readonly summary: string; readonly fix: string }>;

import type { V1Container, V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { annotations } from "../../../generated/annotations.ts";
import { names } from "../../../schema/names.ts";
import { keyed } from "../../support/builders.ts";
import { created, reviewed } from "../../support/patched.ts";
import { admit, createRequest } from "../../support/pods.ts";

const output = {
  [annotations["output-uri"].key]: "inj/stale:1",
  [annotations["output-path"].key]: "/tmp/$(POD_NAME)",
};
const main: V1Container = {
  name: "main",
  image: "busybox:1.36",
  command: ["sh", "-c"],
  args: ["echo hello > /tmp/out"],
  env: [{ name: "A", value: "b" }],
};

function pod(map: Record<string, string> = output, container: Partial<V1Container> = {}): V1Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "step", annotations: map },
    spec: { restartPolicy: "Never", containers: [{ ...main, ...container }] },
  };
}

function job(own: Record<string, string> = output, below?: Record<string, string>): V1Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "step", annotations: own },
    spec: {
      template: {
        ...(below && { metadata: { annotations: below } }),
        spec: { restartPolicy: "Never", containers: [main] },
      },
    },
  };
}

const controller = [{ apiVersion: "batch/v1", kind: "Job", name: "step", uid: "1", controller: true }];

/** The Pod that the Job controller makes. */
function podOf({ spec }: V1Job): V1Pod {
  const template = structuredClone(spec?.template);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...template?.metadata, generateName: "step-", ownerReferences: controller },
    spec: template?.spec ?? { containers: [] },
  };
}

/** A copy as `kubectl debug --copy-to` makes it: with the spec alone, or with annotations and labels as well. */
function copyOf({ spec, metadata }: V1Pod, keep = false): V1Pod {
  const { annotations, labels } = metadata ?? {};
  const kept = keep ? { ...(annotations && { annotations }), ...(labels && { labels }) } : {};
  return structuredClone({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "copy", ...kept },
    spec: spec ?? { containers: [] },
  });
}

const namesOf = ({ spec }: V1Pod) =>
  [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((c) => c.name);

describe("inj-08: a marker that is left over", () => {
  const oldMarker = '{"hash":"1cc860ecdcc6146aae162362a6f4f56d","containers":["main"]}';
  const markers = [
    ["of an older version", oldMarker],
    ["that is not the operator's", "true"],
    ["of another object", created(pod()).metadata?.annotations?.[names.markerAnnotation] ?? ""],
    ["that is empty", ""],
  ] as const;

  it.each(markers)("%s: the Pod is injected as if it had none", (_, marker) => {
    const annotations = { ...output, [names.markerAnnotation]: marker };
    expect(created(pod(annotations))).toEqual(created(pod()));
  });

  it.each(markers)("%s: the Job is injected as if it had none", (_, marker) => {
    const annotations = { ...output, [names.markerAnnotation]: marker };
    expect(created(job(annotations))).toEqual(created(job()));
    expect(created(job(annotations, annotations))).toEqual(created(job(output, output)));
    // Where the template alone is annotated, its Pods are injected one by one.
    const whole = job({}, output);
    const labels = { [names.injectedLabel]: names.injectedPods };
    expect(created(job({}, annotations))).toEqual({ ...whole, metadata: { ...whole.metadata, labels } });
  });

  it.each(markers)("%s, and no annotation: it goes", (_, marker) => {
    const bare = pod({ other: "x" });
    expect(created(pod({ other: "x", [names.markerAnnotation]: marker }))).toEqual(bare);
  });

  it("does not keep a wrong annotation from being refused", () => {
    const wrong = { [annotations["output-uri"].key]: "NOT VALID", [names.markerAnnotation]: oldMarker };
    expect(admit(createRequest(pod(wrong)))).toMatchObject({ kind: "denied", code: 422 });
  });

  it("leaves containers and volumes alone that have a name which was once added", () => {
    const stored = created(pod());
    const marker = stored.metadata?.annotations?.[names.markerAnnotation] ?? "";
    const own = pod({ ...output, [names.markerAnnotation]: marker });
    const volumes = [{ name: names.shareVolume, persistentVolumeClaim: { claimName: "mine" } }];
    own.spec = {
      ...own.spec,
      volumes,
      initContainers: [{ name: names.pullContainer, image: "mine" }],
      containers: [
        { ...main, volumeMounts: [{ name: names.shareVolume, mountPath: "/data" }] },
        { name: names.pushContainer, image: "mine" },
      ],
    };
    const injected = created(own);
    expect(namesOf(injected)).toEqual(["oras-pull", "oras-pull-1", "main", "oras", "oras-1"]);
    expect(injected.spec?.volumes).toEqual([...volumes, { name: "oras-share-1", emptyDir: {} }]);
  });
});

describe("inj-28: a copy by kubectl debug --copy-to", () => {
  const debug = { name: "debugger", image: "busybox:1.36", command: ["sh"] };
  const withDebugger = (copy: V1Pod): V1Pod => ({
    ...copy,
    spec: { ...copy.spec, containers: [...(copy.spec?.containers ?? []), debug] },
  });

  it.each([
    ["of a Pod", created(pod())],
    ["of a Job's Pod", podOf(created(job()))],
  ])("%s runs the program alone, and says so", (_, injected) => {
    const copy = withDebugger(copyOf(injected));
    expect(admit(createRequest(copy)).warnings).toEqual([
      { code: "InjectionRemoved", path: "", message: expect.stringContaining("neither pulls nor pushes") },
    ]);
    expect(created(copy)).toEqual({
      ...copy,
      spec: { restartPolicy: "Never", containers: [main, debug] },
    });
  });

  it("with its annotations is a step, and is labelled as one", () => {
    const copy = withDebugger(copyOf(created(pod()), true));
    const injected = created(copy);
    expect(namesOf(injected)).toEqual(["oras-pull", "main", "oras", "debugger"]);
    expect(injected.metadata?.labels).toHaveProperty([names.injectedLabel]);
    // The annotations only: what is there is not the injection of a labelled object.
    const unlabelled: V1Pod = { ...copy, metadata: { annotations: copy.metadata?.annotations ?? {} } };
    expect(created(unlabelled).metadata?.labels).toHaveProperty([names.injectedLabel]);
  });

  it("with another command runs that, and wraps it only where it is annotated", () => {
    const replaced = (copy: V1Pod): V1Pod => {
      const [first, ...others] = copy.spec?.containers ?? [];
      const { args, ...rest } = first as V1Container;
      return {
        ...copy,
        spec: { ...copy.spec, containers: [{ ...rest, command: ["sleep", "20"] }, ...others] },
      };
    };
    const { args, ...bare } = main;
    expect(created(replaced(copyOf(created(pod())))).spec?.containers).toEqual([
      { ...bare, command: ["sleep", "20"] },
    ]);
    const annotated = created(replaced(copyOf(created(pod()), true)));
    expect(annotated.spec?.containers[0]?.args?.slice(-3)).toEqual(["--", "sleep", "20"]);
  });

  it("with another image keeps its program", () => {
    const copy = copyOf(created(pod()));
    for (const container of copy.spec?.containers ?? []) container.image = "perl:5.34.0";
    expect(created(copy).spec?.containers).toEqual([{ ...main, image: "perl:5.34.0" }]);
  });

  it("in which the wrapped program's words were edited is refused: what it was cannot be known", () => {
    const copy = copyOf(created(pod()));
    copy.spec?.containers[0]?.args?.splice(-1, 1, "echo smuggled");
    expect(admit(createRequest(copy))).toMatchObject({
      kind: "denied",
      message: expect.stringMatching(/^spec\.containers\[0\]: container "main" .*\(ChangedInjection\)$/),
    });
  });

  it.each(["a\nb", "a\u202eb", "a\u009b2Jb", "a\ud800", "x".repeat(5000)])(
    "a name like %.20j is shown in words and in one line",
    (name) => {
      const copy = copyOf(created(pod(output, { name })));
      copy.spec?.containers[0]?.args?.splice(-1, 1, "echo smuggled");
      const verdict = admit(createRequest(copy));
      const message = verdict.kind === "denied" ? verdict.message : "";
      expect(message).toContain("(ChangedInjection)");
      expect(message).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      expect(message.length).toBeLessThan(600);
    },
  );
});

describe("an object that was exported and is created again", () => {
  const clean = <T extends V1Pod | V1Job>(object: T): T => structuredClone(object);

  it.each([
    ["Pod", created(pod())],
    ["Job", created(job())],
    ["Job whose template is annotated too", created(job(output, output))],
  ])("a %s in the same namespace is as it was", (_, stored) => {
    expect(created(clean(stored))).toEqual(stored);
  });

  it.each<[string, V1Pod | V1Job]>([
    ["Pod", pod()],
    ["Job", job()],
    ["Job whose template is annotated too", job(output, output)],
  ])("a %s in another namespace uses the cache there", (_, manifest) => {
    const there = (object: V1Pod | V1Job) => reviewed({ ...createRequest(object, "elsewhere"), object });
    expect(there(created(manifest))).toEqual(there(manifest));
    expect(JSON.stringify(there(created(manifest)))).toContain("oras-0.oras.elsewhere.svc");
  });

  it("with other annotations follows those", () => {
    const other = { ...output, [annotations["output-uri"].key]: "other/name:2" };
    const edited = (object: V1Pod | V1Job) => {
      const copy = structuredClone(object);
      Object.assign(copy.metadata?.annotations ?? {}, other);
      return copy;
    };
    expect(created(edited(created(pod())))).toEqual(created(pod(other)));
    expect(created(edited(created(job())))).toEqual(created(job(other)));
  });

  it("without its annotations is not a step any more", () => {
    const { metadata, ...rest } = created(job());
    const bare = { ...rest, metadata: { name: "step" } };
    expect(created(bare)).toEqual({ ...bare, spec: { template: { ...job().spec?.template, metadata: {} } } });
  });

  it("of which somebody removed a part is made whole", () => {
    const parts: ((spec: NonNullable<V1Pod["spec"]>) => void)[] = [
      (spec) => spec.containers.pop(),
      (spec) => spec.initContainers?.[0]?.args?.pop(),
      (spec) => Object.assign(spec.containers[0] ?? {}, main),
    ];
    for (const remove of parts) {
      const copy = structuredClone(created(pod()));
      if (copy.spec) remove(copy.spec);
      expect(created(copy)).toEqual(created(pod()));
    }
  });

  it("of which somebody removed the container with the record is made whole; args stand in command then", () => {
    const copy = structuredClone(created(pod()));
    delete copy.spec?.initContainers;
    const original = pod();
    for (const container of original.spec?.containers ?? []) {
      container.command = [...(container.command ?? []), ...(container.args ?? [])];
      delete container.args;
    }
    expect(created(copy)).toEqual(created(original));
  });
});

describe("what is injected counts", () => {
  it("when the same review comes again, though another webhook came between", () => {
    for (const object of [created(pod()), created(job()), created(job(output, output))]) {
      expect(admit(createRequest(object))).toEqual(untouched);
    }
    const meshed = created(pod());
    meshed.spec?.containers.unshift({ name: "mesh", image: "mesh" });
    meshed.spec?.volumes?.unshift({ name: "mesh", emptyDir: {} });
    for (const container of meshed.spec?.containers ?? []) {
      container.imagePullPolicy = "Always";
      container.env = [...(container.env ?? []), { name: "MESH", value: "on" }];
    }
    expect(admit(createRequest(meshed))).toEqual(untouched);
  });

  it("for the Pods of a Job, with annotations on its template and without", () => {
    expect(admit(createRequest(podOf(created(job()))))).toEqual(untouched);
    expect(admit(createRequest(podOf(created(job(output, output)))))).toEqual(untouched);
    // The Job controller writes annotations too.
    const indexed = podOf(created(job(output, output)));
    Object.assign(indexed.metadata?.annotations ?? {}, { "batch.kubernetes.io/job-completion-index": "3" });
    expect(admit(createRequest(indexed))).toEqual(untouched);
  });

  it("though the operator wrote its annotations meanwhile", () => {
    const written = podOf(created(job(output, output)));
    Object.assign(written.metadata?.annotations ?? {}, { [`${names.prefix}input-digests`]: "{}" });
    expect(admit(createRequest(written))).toEqual(untouched);
  });
});

describe("inj-07: a mesh's native sidecar that comes after a Job was injected", () => {
  const proxy: V1Container = { name: "mesh-proxy", image: "mesh", restartPolicy: "Always" };
  const redirect: V1Container = { name: "mesh-init", image: "mesh" };
  const meshed = (injected: V1Pod, ...added: V1Container[]): V1Pod => ({
    ...injected,
    spec: {
      ...injected.spec,
      initContainers: [...(injected.spec?.initContainers ?? []), ...added],
    } as V1Pod["spec"] & object,
  });
  const initNames = ({ spec }: V1Pod) => spec?.initContainers?.map(({ name }) => name);

  it.each([
    ["of the Job", podOf(created(job()))],
    ["of a Job whose template is annotated too", podOf(created(job(output, output)))],
    ["that is annotated itself", created(pod())],
  ])("stands before the added containers in a Pod %s", (_, injected) => {
    const request = createRequest(meshed(injected, redirect, proxy));
    expect(admit(request)).toMatchObject({ outcome: "moved" });
    const moved = created(meshed(injected, redirect, proxy));
    expect(initNames(moved)).toEqual(["mesh-init", "mesh-proxy", "oras-pull"]);
    expect(admit(createRequest(moved))).toMatchObject({ outcome: "untouched" });
  });

  it("is not overtaken by more than it needs to be", () => {
    const injected = podOf(created(job()));
    expect(initNames(created(meshed(injected, proxy, redirect)))).toEqual([
      "mesh-proxy",
      "oras-pull",
      "mesh-init",
    ]);
    // Without a sidecar the proxy is a regular container: traffic must not be redirected to it yet.
    expect(admit(createRequest(meshed(injected, redirect)))).toMatchObject({ outcome: "untouched" });
  });
});

/** Puts another program in front of what a container runs, as webhooks of secret stores do. */
const inFront: readonly [string, (container: V1Container) => void][] = [
  [
    "in command, the rest in args",
    (c) =>
      Object.assign(c, { command: ["/vault/vault-env"], args: [...(c.command ?? []), ...(c.args ?? [])] }),
  ],
  [
    "before the command",
    (c) => Object.assign(c, { command: ["/vault/vault-env", "--", ...(c.command ?? [])] }),
  ],
];

function change(object: V1Pod, name: string, edit: (container: V1Container) => void): V1Pod {
  const copy = structuredClone(object);
  const container = [...(copy.spec?.initContainers ?? []), ...(copy.spec?.containers ?? [])].find(
    (c) => c.name === name,
  );
  if (container === undefined) throw new Error(`no container ${name}`);
  edit(container);
  return copy;
}

const untouched = { kind: "allowed", warnings: [], outcome: "untouched" };
const input = keyed({ "input-uri": "a/b:c" });
const elsewhere = <T extends object>(object: T): T =>
  reviewed({ ...createRequest(object, "elsewhere"), object });
const ownedBy = (object: V1Pod, kind: string, controller = true): V1Pod => ({
  ...object,
  metadata: {
    ...object.metadata,
    ownerReferences: [{ apiVersion: "apps/v1", kind, name: "made", uid: "1", controller }],
  },
});

describe("a Pod of an injected Job keeps what its Job has, though its template says less", () => {
  const made = podOf(created(job({ ...input, ...output }, input)));
  const edit = (change: (metadata: NonNullable<V1Pod["metadata"]>) => void): V1Pod => {
    const copy = structuredClone(made);
    change(copy.metadata ?? {});
    return copy;
  };
  const marker = names.markerAnnotation;

  it.each<[string, V1Pod]>([
    ["nothing is changed", made],
    ["its labels are gone", edit((metadata) => delete metadata.labels)],
    [
      "it is annotated more",
      edit(({ annotations }) => Object.assign(annotations ?? {}, keyed({ debug: "true" }))),
    ],
    [
      "its annotation was changed",
      edit(({ annotations }) => Object.assign(annotations ?? {}, keyed({ "input-uri": "x/y:z" }))),
    ],
    ["its annotations are gone", edit((metadata) => delete metadata.annotations)],
    ["its marker is gone", edit(({ annotations }) => delete annotations?.[marker])],
    [
      "its marker is another one",
      edit(({ annotations }) => Object.assign(annotations ?? {}, { [marker]: "true" })),
    ],
    ["its record is gone", change(made, "oras-pull", (c) => delete c.env)],
    ["a mount was changed", change(made, "main", (c) => c.volumeMounts?.pop())],
    ...["oras-pull", "main", "oras"].flatMap((name) =>
      inFront.map(([where, edit]): [string, V1Pod] => [
        `${name} has a program in front ${where}`,
        change(made, name, edit),
      ]),
    ),
  ])("when %s", (_, object) => {
    expect(admit(createRequest(object))).toEqual(untouched);
  });

  it("but not where it was made in another namespace", () => {
    expect(namesOf(elsewhere(made))).toEqual(["oras-pull", "main"]);
    expect(JSON.stringify(elsewhere(made))).not.toContain("oras.default.svc");
  });

  it("but not where only its own annotations, or those of another controller, can tell", () => {
    const other = keyed({ "output-uri": "other/name:2", "output-path": "/tmp/out" });
    const exported = ownedBy(created(pod()), "ReplicaSet");
    Object.assign(exported.metadata?.annotations ?? {}, other);
    expect(created(exported).spec).toEqual(created(pod(other)).spec);
    expect(namesOf(created(podOf(job({}, output))))).toEqual(["oras-pull", "main", "oras"]);
  });
});

describe("a program that another webhook writes in front of an injected one", () => {
  const injected = created(pod({ ...input, ...output }));
  const templated = (object: V1Job, edit: (container: V1Container) => void): V1Job => {
    const copy = structuredClone(object);
    const { initContainers = [], containers = [] } = copy.spec?.template.spec ?? {};
    for (const container of [...initContainers, ...containers]) edit(container);
    return copy;
  };

  it.each(inFront)("stays in a second call, %s", (_, edit) => {
    for (const name of ["oras-pull", "main", "oras"]) {
      expect(admit(createRequest(change(injected, name, edit)))).toEqual(untouched);
    }
    for (const object of [created(job()), created(job(output, output))]) {
      expect(admit(createRequest(templated(object, edit)))).toEqual(untouched);
    }
  });

  it.each(inFront)("is wrapped with the program where that is injected anew, %s", (_, edit) => {
    const again = elsewhere(change(injected, "main", edit));
    expect(namesOf(again)).toEqual(["oras-pull", "main", "oras"]);
    const { args = [] } = again.spec?.containers[0] ?? {};
    const program = args.slice(args.indexOf("--") + 1);
    expect(program[0]).toBe("/vault/vault-env");
    expect(program.slice(-3)).toEqual([...(main.command ?? []), ...(main.args ?? [])]);
    expect(program.join(" ")).not.toContain("tini");
  });

  it.each(inFront)("stays in a copy, %s", (_, edit) => {
    const images = new Map([["busybox:1.36", { program: { entrypoint: ["/bin/app"], cmd: [] } }]]);
    const { command, args, ...entry } = main;
    const bare = { ...pod(), spec: { containers: [entry] } };
    const copies = [
      copyOf(change(injected, "main", edit)),
      copyOf(change(created(bare, { images }), "main", edit)),
    ];
    const programs = copies.map((copy) => {
      const [first] = created(copy).spec?.containers ?? [];
      return [...(first?.command ?? []), ...(first?.args ?? [])].filter((word) => word !== "--");
    });
    expect(programs).toEqual([
      ["/vault/vault-env", ...(main.command ?? []), ...(main.args ?? [])],
      ["/vault/vault-env", "/bin/app"],
    ]);
  });

  it("is not taken for one where the words of the operator were changed: they follow the annotations again", () => {
    const edited = change(injected, "main", (c) => {
      c.args = c.args?.map((word) => (word.startsWith("--output-path=") ? "--output-path=/etc" : word)) ?? [];
    });
    expect(edited).not.toEqual(injected);
    expect(created(edited)).toEqual(injected);
  });

  it.each<[string, (container: V1Container) => void]>([
    ["other words", (c) => c.args?.splice(-1, 1, "echo smuggled")],
    ["more words", (c) => c.args?.push("--more")],
    [
      "other words of the operator behind another program",
      (c) => {
        inFront[0]?.[1](c);
        c.args?.splice(2, 1);
      },
    ],
  ])("is not taken for one where the program has %s: that is refused", (_, edit) => {
    expect(admit(createRequest(change(injected, "main", edit)))).toMatchObject({
      kind: "denied",
      problems: [{ code: "ChangedInjection" }],
    });
  });
});

describe("an injection without its record is found by its look", () => {
  const script = `https://example.com/run.sh#sha256=${"0".repeat(64)}`;
  const steps: readonly [string, Record<string, string>][] = [
    ["an input", input],
    ["an output", output],
    ["both", { ...input, ...output }],
    ["a password", { ...input, ...keyed({ "oras-env": "login" }) }],
    ["an own script", { ...input, ...keyed({ entrypoint: script }) }],
    ["an own image", { ...input, ...output, ...keyed({ "oras-container": "own:1" }) }],
  ];
  const flat: V1Container = { ...main, command: [...(main.command ?? []), ...(main.args ?? [])] };
  delete flat.args;
  const debug = { name: "debugger", image: "busybox:1.36" };

  it.each(steps)("in a copy by kubectl debug --keep-init-containers=false, of a step with %s", (_, map) => {
    const copy = copyOf(created(pod(map)));
    delete copy.spec?.initContainers;
    copy.spec?.containers.push(debug);
    expect(admit(createRequest(copy)).warnings).toMatchObject([{ code: "InjectionRemoved" }]);
    expect(created(copy).spec).toEqual({ restartPolicy: "Never", containers: [flat, debug] });
  });

  it.each(steps)("in an export of a step with %s: it is not injected twice", (_, map) => {
    const fresh = created(pod(map));
    const lost = structuredClone(fresh);
    delete lost.metadata?.annotations?.[names.markerAnnotation];
    for (const container of lost.spec?.initContainers ?? []) {
      container.env = (container.env ?? []).filter(({ name }) => name !== names.injectionVariable);
    }
    const again = created(lost);
    const words = ({ spec }: V1Pod) =>
      [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((c) => [c.name, c.command, c.args]);
    expect(words(again)).toEqual(words(fresh));
    expect(again.spec?.volumes).toEqual(fresh.spec?.volumes);
  });

  it.each(["main", "oras", "oras-pull"])("where container %s was renamed", (name) => {
    const fresh = created(pod({ ...input, ...output }));
    const renamed = created(change(fresh, name, (c) => Object.assign(c, { name: "renamed" })));
    expect(namesOf(renamed)).toEqual(["oras-pull", name === "main" ? "renamed" : "main", "oras"]);
    expect(renamed.spec?.containers.map(({ command, args }) => [command, args])).toEqual(
      fresh.spec?.containers.map(({ command, args }) => [command, args]),
    );
    expect(renamed.spec?.volumes).toEqual(fresh.spec?.volumes);
  });

  it("and refused where it cannot be taken out", () => {
    const fresh = created(pod({ ...input, ...output }));
    const edits: ((c: V1Container) => unknown)[] = [
      (c) => delete c.volumeMounts,
      (c) => c.volumeMounts?.map((mount) => Object.assign(mount, { mountPath: "/elsewhere" })),
      (c) => {
        Object.assign(c, { name: "renamed" });
        inFront[0]?.[1](c);
      },
    ];
    for (const edit of edits) {
      expect(admit(createRequest(change(fresh, "main", edit)))).toMatchObject({
        kind: "denied",
        message: expect.stringMatching(/^spec\.containers\[0\]: container .*\(ChangedInjection\)$/),
      });
    }
    const bare = structuredClone(fresh);
    delete bare.spec?.volumes;
    expect(admit(createRequest(bare))).toMatchObject({
      kind: "denied",
      problems: [{ code: "ChangedInjection" }],
    });
  });

  it("but not in what only resembles it", () => {
    const tini = ["/usr/bin/tini", "-s", "-g", "--", "/usr/bin/python", "launch.sh"];
    const own = pod(output, { command: tini });
    const volumes = [{ name: "oras-share-data", emptyDir: {} }];
    own.spec = {
      ...own.spec,
      volumes,
      initContainers: [
        {
          name: "own",
          image: "own",
          command: ["sh"],
          volumeMounts: [{ name: "oras-share-data", mountPath: "/mnt/oras" }],
        },
      ],
      containers: own.spec?.containers ?? [],
    };
    const injected = created(own);
    expect(namesOf(injected)).toEqual(["own", "oras-pull", "main", "oras"]);
    expect(injected.spec?.volumes).toEqual([...volumes, { name: "oras-share", emptyDir: {} }]);
  });
});

describe("what a controller makes from an export, without annotations", () => {
  const bare = <T extends V1Pod | V1Job>({ metadata: _, ...object }: T) => object as T;
  const warned = { warnings: [{ code: "InjectionRemoved" }], outcome: "stripped" };

  it("loses the registry of another namespace, and says so", () => {
    for (const object of [
      ownedBy(bare(created(pod())), "ReplicaSet"),
      ownedBy(bare(created(pod())), "ReplicaSet", false),
      ownedBy(podOf(created(job())), "Job"),
      { ...bare(created(job())), metadata: { ownerReferences: controller } },
    ]) {
      expect(admit({ ...createRequest(object, "elsewhere") })).toMatchObject(warned);
      expect(JSON.stringify(elsewhere(object))).not.toContain("svc.cluster.local");
    }
  });

  it("keeps it in the same namespace where it is a Pod; a Job would have its annotations", () => {
    expect(admit(createRequest(ownedBy(bare(created(pod())), "ReplicaSet")))).toEqual(untouched);
    const made = { ...bare(created(job())), metadata: { ownerReferences: controller } };
    expect(admit(createRequest(made))).toMatchObject(warned);
  });
});

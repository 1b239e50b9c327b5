import type { Workspace } from "./workspace.ts";

/** A registry of a test's own, which is slow, so that it can be stopped during a transfer. */
export interface SlowRegistry {
  /** For the annotation. */
  readonly url: string;
  /** Waits until it serves a large blob, and stops it there: its clients wait. */
  readonly stopWithin: (what: "upload" | "download") => Promise<void>;
  /** Lets it go on. */
  readonly goOn: () => Promise<void>;
  /** Kills its process; the kubelet starts another, with the same data. */
  readonly kill: () => Promise<void>;
}

/** Part of the path of the file that a registry holds open meanwhile. */
const openFile = { upload: "/_uploads/", download: "/blobs/sha256/" } as const;

/** Sends the registry's process a signal once it has a large file open whose path has a text in it. */
const signalOnceOpen = `text="$1"
until
  fd=$(ls -l /proc/[0-9]*/fd/* 2>/dev/null | sed -n "s|.* \\(/proc/[0-9]*/fd/[0-9]*\\) -> .*$text.*/data$|\\1|p" | head -n 1)
  [ -n "$fd" ] && [ "$(stat -L -c %s "$fd" 2>/dev/null || echo 0)" -gt 1000000 ]
do sleep 0.02; done
fd="\${fd#/proc/}"
kill -STOP "\${fd%%/*}"`;

const signal = `for p in /proc/[0-9]*; do
  [ "$(cat "$p/comm")" != registry ] || kill "-$1" "\${p#/proc/}"
done`;

/**
 * Starts a registry in a Pod, and waits until it is ready.
 *
 * @param ws - where
 * @param name - of its Pod
 * @param data - the volume for its data
 */
export async function startSlowRegistry(
  ws: Workspace,
  name: string,
  data: object = {},
): Promise<SlowRegistry> {
  const env = Object.entries({
    REGISTRY_HTTP_ADDR: ":5000",
    REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: "/data",
    OTEL_TRACES_EXPORTER: "none",
  });
  await ws.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      shareProcessNamespace: true,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "registry",
          image: "registry:3.1.2",
          env: env.map(([key, value]) => ({ name: key, value })),
          readinessProbe: { tcpSocket: { port: 5000 }, periodSeconds: 1 },
          resources: { limits: { cpu: "100m" } },
          volumeMounts: [{ name: "data", mountPath: "/data" }],
        },
        { name: "shell", image: "busybox:1.36", command: ["sleep", "3600"] },
      ],
      volumes: [{ name: "data", emptyDir: data }],
    },
  });
  await ws.kubectl("wait", `pod/${name}`, "--for=condition=Ready", "--timeout=120s");
  const inside = async (script: string, word: string) => {
    await ws.kubectl("exec", name, "-c", "shell", "--", "sh", "-c", script, "sh", word);
  };
  return {
    url: `http://${(await ws.pod(name)).status?.podIP}:5000`,
    stopWithin: (what) => inside(signalOnceOpen, openFile[what]),
    goOn: () => inside(signal, "CONT"),
    kill: () => inside(signal, "KILL"),
  };
}

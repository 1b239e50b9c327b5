import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { deadlineNow, lossOf } from "../../../src/controllers/rescue.ts";
import { keepStep, type StepPod } from "../../../src/controllers/step-pods.ts";
import {
  at,
  injectedPod,
  pushes,
  servedStepOf,
  states,
  stepOf,
  type Told,
} from "../../support/step-statuses.ts";

const { waiting, running, ended, startError } = states;
const creating = { state: waiting("ContainerCreating") };
const oras = (startedAt = 3): Told => ({ state: running(startedAt), container: pushes });
const restartsAllOn = (code: number) => ({
  restartPolicy: "Never",
  restartPolicyRules: [{ action: "RestartAllContainers", exitCodes: { operator: "In", values: [code] } }],
});
/** From when on a step is lost, in seconds after its Pod; undefined: it is not. */
function lostAt(...pod: Parameters<typeof stepOf>): number | undefined {
  const loss = lossOf(stepOf(...pod));
  if (loss === undefined) return undefined;
  return Math.max(0, (loss.certainAt.getTime() - Date.parse(at(0))) / 1000);
}

describe("a wrapped container that never ran the agent, and is not started again", () => {
  it("is lost, with the kubelet's words", () => {
    expect(lossOf(stepOf("Never", { main: { state: startError() }, oras: oras() }))).toEqual({
      reason: "ContainerLost",
      message:
        "The container main could not be started, and restartPolicy Never does not start it again: the container oras would wait for it for ever. " +
        'StartError: exec: "/no/such": stat /no/such: no such file or directory',
      certainAt: new Date(0),
    });
  });

  const zero = "0001-01-01T00:00:00Z";
  it.each([
    ["cri-dockerd", ended(127, 1, 2, { reason: "ContainerCannotRun" })],
    ["a runtime that knows of no start, whatever it calls that", ended(255, 1, 2, { startedAt: zero })],
  ])("as %s tells it", (_, state) => {
    expect(lostAt("Never", { main: { state }, oras: oras() })).toBe(0);
  });

  it.each([
    ["waits for its image", { state: waiting("ImagePullBackOff") }],
    ["waits for a Secret", { state: waiting("CreateContainerConfigError") }],
    ["was not started yet", creating],
  ])("also while the one that pushes %s: it would come for nothing", (_, told) => {
    expect(lostAt("Never", { main: { state: startError() }, oras: told })).toBe(0);
  });

  it("also beside one whose program runs, and by its own policy", () => {
    const others = { other: { state: running(1) }, oras: oras() };
    expect(lostAt("Never", { main: { state: startError() }, ...others })).toBe(0);
    const main = { state: startError(), container: { restartPolicy: "Never" } };
    expect(lostAt("OnFailure", { main, ...others })).toBe(0);
  });

  it("is not, where the one that pushes is over too: the Pod ends by itself", () => {
    for (const code of [0, 143]) {
      expect(lostAt("Never", { main: { state: startError() }, oras: { state: ended(code, 3, 4) } })).toBe(
        undefined,
      );
    }
  });
});

describe("what Kubernetes may still start is not lost", () => {
  it.each([
    ["a late image", waiting("ImagePullBackOff")],
    ["a late Secret", waiting("CreateContainerConfigError", 'secret "a" not found')],
    ["a container that cannot be created yet", waiting("CreateContainerError")],
    ["an image that is never pulled", waiting("ErrImageNeverPull")],
  ])("%s", (_, state) => {
    expect(lostAt("Never", { main: { state }, oras: oras() })).toBe(undefined);
  });

  it("a start that failed, under a policy or a rule that tries again", () => {
    expect(lostAt("OnFailure", { main: { state: startError() }, oras: oras() })).toBe(undefined);
    const lastState = startError() as object;
    const backOff = { state: waiting("CrashLoopBackOff"), status: { restartCount: 2, lastState } };
    expect(lostAt("OnFailure", { main: backOff, oras: oras() })).toBe(undefined);
    const rules = [{ action: "Restart", exitCodes: { operator: "In", values: [128] } }];
    const container = { restartPolicy: "Never", restartPolicyRules: rules };
    expect(lostAt("Never", { main: { state: startError(), container }, oras: oras() })).toBe(undefined);
  });

  it("any container, as long as another one may restart all", () => {
    const beside = (state: object) =>
      lostAt("Never", {
        main: { state: startError() },
        other: { state, container: restartsAllOn(42) },
        oras: oras(),
      });
    expect(beside(running(1))).toBe(undefined);
    expect(beside(waiting("ImagePullBackOff"))).toBe(undefined);
    expect(beside(ended(42, 1, 2)), "the kubelet is at it").toBe(undefined);
    expect(beside(ended(1, 1, 2))).toBe(0);
  });

  it("also one that has ended otherwise, and is started again: it may do so then", () => {
    const container = { ...restartsAllOn(88), restartPolicy: "Always" };
    const told = {
      main: { state: startError() },
      watcher: { state: ended(137, 1, 2, { reason: "RestartingAllContainers" }), container },
      oras: oras(),
    };
    expect(lostAt("Never", told)).toBe(undefined);
  });

  it("also where that one is none of the step's", () => {
    const pod = (state: object) => {
      const told = {
        main: { state: startError() },
        oras: oras(),
        theirs: { state, container: restartsAllOn(42) },
      };
      const kept = injectedPod("Never", told);
      delete kept.spec?.containers[2]?.volumeMounts;
      return lossOf(keepStep(kept as StepPod, { wrapped: { main: {} }, containers: { oras: {} } }));
    };
    expect(pod(running(1))).toBe(undefined);
    expect(pod(ended(0, 1, 2))).toBeDefined();
  });

  it("a Pod that has ended or is being deleted, a step without an output, and one that nobody recorded", () => {
    const told = { main: { state: startError() }, oras: oras() };
    expect(lostAt("Never", told, { metadata: { deletionTimestamp: at(9) } })).toBe(undefined);
    for (const phase of ["Failed", "Succeeded"])
      expect(lostAt("Never", told, { status: { phase } })).toBe(undefined);
    const pod = injectedPod("Never", told) as StepPod;
    expect(lossOf(keepStep(pod))).toBe(undefined);
    expect(lossOf(keepStep(pod, { containers: {}, wrapped: { main: {}, oras: {} } }))).toBe(undefined);
  });
});

describe("a wrapped container that was killed before it could tell", () => {
  const killedAt = (second: number, more: object = {}) => ({ state: ended(137, 1, second, more) });
  const always: Told = { state: running(5), container: { args: ["--policy={}", "--push-on=always"] } };

  it("is lost when the one that pushes came later, or has not come", () => {
    expect(lostAt("Never", { main: killedAt(4), oras: oras(5) })).toBe(0);
    expect(lostAt("Never", { main: killedAt(4), oras: always })).toBe(0);
    expect(lostAt("Never", { main: killedAt(4), oras: { state: waiting("ImagePullBackOff") } })).toBe(0);
    expect(lossOf(stepOf("Never", { main: killedAt(4), oras: oras(5) }))?.message).toContain(
      "ended with exit code 137 and did not say so, and restartPolicy Never",
    );
  });

  it("is lost with any exit code, where it is the agent that it waits for; a script may know", () => {
    const failed = { state: ended(185, 1, 4) };
    const script = { ...always, container: { args: ["a/b:1", "true", "NA"] } };
    expect(lostAt("Never", { main: failed, oras: always })).toBe(0);
    expect(lostAt("Never", { main: failed, oras: script })).toBe(undefined);
    expect(lostAt("Never", { main: killedAt(4), oras: script })).toBe(0);
  });

  it("is not, when it may have told: what a failed step left may be pushed for as long as that takes", () => {
    expect(lostAt("Never", { main: killedAt(5), oras: always })).toBe(undefined);
    expect(lostAt("Never", { main: killedAt(9), oras: always })).toBe(undefined);
    const again = { ...always, status: { restartCount: 1 } };
    expect(lostAt("Never", { main: killedAt(4), oras: again }), "an earlier life of it").toBe(undefined);
    const unknown = { startedAt: null, finishedAt: null, reason: "ContainerStatusUnknown" };
    expect(lostAt("Never", { main: killedAt(4, unknown), oras: { ...creating } })).toBe(undefined);
  });

  it("is lost 20 s later, where nothing is pushed after a failure: who pushes would have ended", () => {
    expect(lostAt("Never", { main: killedAt(5), oras: oras(5) }), "a hook that failed").toBe(25);
    expect(lostAt("Never", { main: killedAt(60), oras: oras(5) })).toBe(80);
    const again = { ...oras(70), status: { restartCount: 1 } };
    expect(lostAt("Never", { main: killedAt(60), oras: again })).toBe(90);
  });

  it("is not, as long as another program runs, nor beside a script of the author's", () => {
    expect(lostAt("Never", { main: killedAt(5), other: { state: running(1) }, oras: oras(5) })).toBe(
      undefined,
    );
    const script = { state: running(5), container: { args: ["a/b:1", "true", "NA"] } };
    expect(lostAt("Never", { main: killedAt(5), oras: script })).toBe(undefined);
  });

  it("is not, when it ended with success: the output may be pushed for as long as that takes", () => {
    expect(lostAt("Never", { main: { state: ended(0, 1, 2) }, oras: oras(5) })).toBe(undefined);
  });
});

describe("the container that pushes ended before a wrapped one had started", () => {
  const failed = {
    state: ended(185, 3, 4, { message: "no such option (exit code 185)" }),
    container: pushes,
  };
  const late = { state: waiting("ImagePullBackOff", "Back-off pulling image") };

  it("is lost, with what both say", () => {
    expect(lossOf(stepOf("Never", { main: late, oras: failed }))).toEqual({
      reason: "PusherLost",
      message:
        "The container oras ended with exit code 185 before the container main had started, and restartPolicy Never does not start it again: nobody would push the output. " +
        "oras says: no such option (exit code 185) main waits: ImagePullBackOff: Back-off pulling image",
      certainAt: new Date(0),
    });
  });

  it.each<[string, string, Told, Told]>([
    ["is started again", "OnFailure", late, failed],
    ["was a script of the author's that had done its part", "Never", late, { state: ended(0, 3, 4) }],
    ["has not ended", "Never", late, oras()],
    ["ended while the program ran: the launcher knows", "Never", { state: running(1) }, failed],
  ])("is not, where it %s", (_, policy, main, pusher) => {
    expect(lostAt(policy, { main, oras: pusher })).toBe(undefined);
  });
});

describe("the container that pushes has done its part, and a wrapped one is started again", () => {
  const done = { state: ended(0, 3, 60, { message: "{}" }), container: pushes };
  const again = { restartCount: 1, lastState: ended(0, 1, 58) as object };

  it("is lost: what it leaves could not be pushed", () => {
    const main = { state: waiting("CrashLoopBackOff", "back-off 10s"), status: again };
    expect(lossOf(stepOf("OnFailure", { main, oras: done }))).toEqual({
      reason: "PusherLost",
      message:
        "The container oras ended with exit code 0, and restartPolicy OnFailure does not start it again: the container main could only be started in vain. " +
        "main waits: CrashLoopBackOff: back-off 10s",
      certainAt: new Date(0),
    });
  });

  it.each<[string, string, object]>([
    ["its attempt has failed", "OnFailure", ended(188, 61, 62)],
    ["its attempt runs and began later: it may not know", "OnFailure", running(61)],
    ["its new image comes late", "OnFailure", waiting("ImagePullBackOff")],
    ["its new image comes late", "Never", waiting("ImagePullBackOff")],
  ])("is lost where %s, under %s, in both shapes", (_, policy, state) => {
    for (const of of [stepOf, servedStepOf])
      expect(lossOf(of(policy, { main: { state, status: again }, oras: done }))?.reason).toBe("PusherLost");
  });

  it("is lost after a failure of the one that pushes, too", () => {
    const failed = { state: ended(190, 3, 60), container: pushes };
    const main = { state: waiting("ImagePullBackOff"), status: again };
    expect(lossOf(stepOf("Never", { main, oras: failed }))?.reason).toBe("PusherLost");
  });

  it.each<[string, string, object]>([
    ["it has ended with success", "OnFailure", ended(0, 1, 58)],
    ["it has ended for good", "Never", ended(189, 61, 62)],
    ["its attempt may have been heard: it learns of the end", "OnFailure", running(60)],
    ["the one that pushes is started again, too", "Always", waiting("CrashLoopBackOff")],
  ])("is not, where %s", (_, policy, state) => {
    for (const of of [stepOf, servedStepOf])
      expect(lossOf(of(policy, { main: { state, status: again }, oras: done }))).toBe(undefined);
  });

  it("is not, beside a script of the author's", () => {
    const script = { state: ended(0, 3, 60), container: { args: ["a/b:1", "true", "NA"] } };
    const main = { state: waiting("CrashLoopBackOff"), status: again };
    expect(lossOf(stepOf("OnFailure", { main, oras: script }))).toBe(undefined);
  });
});

describe("a container that pushes, and had no time to listen", () => {
  const runs = { state: running(2) };
  const killedAt = (from: number, to: number) => ({ state: ended(137, from, to), container: pushes });

  it.each([
    ["could not be started", { state: startError(3), container: pushes }],
    ["was killed as it started", killedAt(3, 3)],
    ["was killed within the second", killedAt(3, 4)],
  ])("is lost while the program runs, where it %s", (_, oras) => {
    expect(lossOf(stepOf("Never", { main: runs, oras }))?.reason).toBe("PusherLost");
  });

  it("is not, where a container may restart all of them, whatever it ended with", () => {
    const main = { ...runs, container: restartsAllOn(88) };
    const other = { state: ended(137, 1, 3), container: { ...restartsAllOn(88), restartPolicy: "Always" } };
    expect(lossOf(stepOf("Never", { main, other, oras: killedAt(3, 3) }))).toBe(undefined);
    const ends = { state: ended(137, 1, 3), container: restartsAllOn(88) };
    expect(lossOf(stepOf("Never", { main: runs, other: ends, oras: killedAt(3, 3) }))).toBe(undefined);
  });

  it("is told with the kubelet's words", () => {
    expect(
      lossOf(stepOf("Never", { main: runs, oras: { state: startError(3), container: pushes } })),
    ).toEqual({
      reason: "PusherLost",
      message:
        "The container oras ended with exit code 128 as it started, and restartPolicy Never does not start it again: nobody would push the output. " +
        'StartError: exec: "/no/such": stat /no/such: no such file or directory',
      certainAt: new Date(0),
    });
  });

  it.each<[string, Told, Told, string]>([
    ["it listened once: the launcher learns of it", runs, killedAt(3, 5), "Never"],
    ["it ended by itself", runs, { state: ended(1, 3, 3), container: pushes }, "Never"],
    ["it is started again", runs, killedAt(3, 3), "OnFailure"],
    ["the Pod ends by itself", { state: ended(0, 2, 3) }, killedAt(3, 3), "Never"],
  ])("is not, where %s", (_, main, oras, policy) => {
    expect(lossOf(stepOf(policy, { main, oras }))).toBe(undefined);
  });
});

describe("without an init container", () => {
  const container = {}; // nothing to push
  const onFailure = [{ action: "Restart", exitCodes: { operator: "NotIn", values: [0, 181, 182] } }];
  const fileMissing = { state: waiting("CreateContainerConfigError", "couldn't parse env file") };

  it("oras that ended before its launcher could start ends the Pod, also where nothing is to be pushed", () => {
    const oras = { state: ended(190, 1, 2, { message: "the volume cannot be written" }), container };
    expect(lossOf(servedStepOf("Never", { main: fileMissing, oras }))).toEqual({
      reason: "PusherLost",
      message:
        "The container oras ended with exit code 190, and restartPolicy Never does not start it again: the container main could only be started in vain. " +
        "oras says: the volume cannot be written " +
        "main waits: CreateContainerConfigError: couldn't parse env file",
      certainAt: new Date(0),
    });
  });

  it("oras that is started again is waited for: after it was killed by its rules, or under OnFailure", () => {
    const rules = [{ action: "Restart", exitCodes: { operator: "In", values: [128, 137, 139] } }];
    const killed = {
      state: ended(137, 1, 2),
      container: { restartPolicy: "Never", restartPolicyRules: rules },
    };
    expect(lossOf(servedStepOf("Never", { main: fileMissing, oras: killed }))).toBe(undefined);
    for (const state of [ended(190, 1, 2), ended(143, 1, 2)]) {
      const oras = { state, container: { restartPolicy: "Never", restartPolicyRules: onFailure } };
      expect(lossOf(servedStepOf("OnFailure", { main: fileMissing, oras }))).toBe(undefined);
    }
  });

  it("oras that ended because of an input ends the Pod, also where its launcher is started again", () => {
    const oras = {
      state: ended(181, 1, 2),
      container: { restartPolicy: "Never", restartPolicyRules: onFailure },
    };
    for (const state of [ended(181, 1, 2), waiting("CrashLoopBackOff"), waiting("ImagePullBackOff")])
      expect(lossOf(servedStepOf("OnFailure", { main: { state }, oras }))?.reason).toBe("PusherLost");
    const runs = { state: running(3) };
    expect(lossOf(servedStepOf("OnFailure", { main: runs, oras })), "it learns of it").toBe(undefined);
    const over = { state: ended(181, 1, 2) };
    expect(lossOf(servedStepOf("Never", { main: over, oras })), "the Pod ends by itself").toBe(undefined);
  });

  describe("whose inputs failed, beside a container that came after the injection", () => {
    const beside = (policy: string, code: number, state: object) => {
      const told = {
        main: { state: ended(code, 2, 4) },
        oras: { state: ended(code, 1, 5, { message: "no such input" }), container },
        proxy: { state },
      };
      const kept = injectedPod(policy, told);
      delete kept.spec?.containers[2]?.volumeMounts;
      const wrapped = { main: { env: [names.readyVariable] } };
      return lossOf(keepStep(kept as StepPod, { wrapped, containers: { oras: {} } }));
    };

    it("it ends the Pod, which that one would keep, as an init container ends it", () => {
      expect(beside("Never", 181, running(3))).toEqual({
        reason: "PusherLost",
        message:
          "The container oras ended with exit code 181, no program can run, and the container proxy, which is not the step's, keeps the Pod. oras says: no such input",
        certainAt: new Date(at(25)),
      });
      expect(beside("Never", 183, waiting("ImagePullBackOff"))?.reason).toBe("PusherLost");
    });

    it("it does not, where that one has ended, too, or the program has run", () => {
      expect(beside("Never", 181, ended(0, 1, 9))).toBe(undefined);
      for (const code of [0, 1, 186]) expect(beside("Never", code, running(3))).toBe(undefined);
    });
  });

  it("oras whose image is late is waited for", () => {
    const oras = { state: waiting("ImagePullBackOff"), container };
    expect(lossOf(servedStepOf("Never", { main: fileMissing, oras }))).toBe(undefined);
  });

  it("a launcher that never ran, or ended without a word, ends the Pod, also where nothing is to be pushed", () => {
    const oras = { state: running(1), container };
    expect(lossOf(servedStepOf("Never", { main: { state: startError() }, oras }))?.certainAt).toEqual(
      new Date(0),
    );
    const untold = lossOf(servedStepOf("Never", { main: { state: ended(137, 2, 5) }, oras }));
    expect(untold).toMatchObject({ reason: "ContainerLost", certainAt: new Date(at(25)) });
  });
});

describe("the deadline by which a Pod ends now", () => {
  const of = (seconds: number, there?: number, startTime: unknown = at(0)) =>
    deadlineNow(
      stepOf("Never", {}, { spec: { activeDeadlineSeconds: there }, status: { startTime } }),
      new Date(at(seconds)),
    );

  it("is as many seconds as the Pod has run, and at least one", () => {
    expect(of(75.9)).toBe(75);
    expect(of(0.2)).toBe(1);
    expect(of(-3), "a clock that is behind").toBe(1);
    expect(of(75, 600)).toBe(75);
  });

  it("is none where one is over, or no kubelet has taken the Pod", () => {
    expect(of(75, 75)).toBe(undefined);
    expect(of(75, 10)).toBe(undefined);
    expect(of(75, undefined, null)).toBe(undefined);
  });
});

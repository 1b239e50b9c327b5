import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** A condition may take as long as a busy machine needs. Vitest's default is one second. */
const expectation = { poll: { timeout: 60_000, interval: 20 } };

/** The e2e tests that wait minutes for the kubelet or the operator come first: others run beside them. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const isSlow = ({ moduleId }: TestSpecification) => /\/e2e\/(tls|access|pages)\.test\.ts$/.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

export default defineConfig({
  test: {
    maxWorkers: "100%",
    sequence: { sequencer: SlowFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/property/**/*.test.ts"],
          exclude: ["test/property/linear.test.ts"],
          globalSetup: ["test/support/temporary.ts"],
          // What hangs is to end; how long anything takes on a busy machine is no fault.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          // Measures, and takes minutes: apart from the others.
          name: "linear",
          include: ["test/property/linear.test.ts"],
          testTimeout: 600_000,
        },
      },
      {
        test: {
          name: "dev",
          include: ["dev/test/**/*.test.ts"],
          globalSetup: ["test/support/temporary.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          // Three files at a time: much of their time is spent waiting for what the operator has planned for later.
          name: "integration",
          expect: expectation,
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/temporary.ts", "test/support/control-plane.ts"],
          // Longer than any condition is waited for, so that the message names the condition.
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 3,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          // Three files at a time: most of their time is spent waiting for the kubelet.
          name: "e2e",
          expect: expectation,
          include: ["test/e2e/*.test.ts"],
          globalSetup: ["test/support/temporary.ts", "test/support/cluster.ts"],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          // Each changes the operator for all others.
          name: "e2e-alone",
          expect: expectation,
          include: ["test/e2e/alone/*.test.ts"],
          globalSetup: ["test/support/temporary.ts", "test/support/cluster.ts"],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          // Kills what the local cluster consists of.
          name: "reliability",
          expect: expectation,
          include: ["test/reliability/**/*.test.ts"],
          globalSetup: ["test/support/temporary.ts"],
          testTimeout: 1_200_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          // Installs the operator itself, and earlier ones that dev/extra.ts has prepared.
          name: "installations",
          expect: expectation,
          include: ["test/installations/**/*.test.ts"],
          globalSetup: ["test/support/temporary.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          // Workflows of other tools, which dev/extra.ts installs, on the cluster.
          name: "extra",
          expect: expectation,
          include: ["test/extra/**/*.test.ts"],
          globalSetup: ["test/support/temporary.ts", "test/support/cluster.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "long",
          include: ["test/long/**/*.test.ts"],
          globalSetup: ["test/support/temporary.ts"],
          hookTimeout: 900_000,
        },
      },
    ],
  },
});

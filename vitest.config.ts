import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/property/**/*.test.ts"],
          exclude: ["test/property/linear.test.ts"],
          globalSetup: ["test/support/temporary.ts"],
          testTimeout: 30_000,
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
        },
      },
      {
        test: {
          name: "sidecar",
          include: ["test/sidecar/**/*.test.ts"],
          globalSetup: ["test/support/temporary.ts"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/temporary.ts", "test/support/control-plane.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/support/temporary.ts", "test/support/cluster.ts"],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "long",
          include: ["test/long/**/*.test.ts"],
          globalSetup: ["test/support/temporary.ts", "test/support/cluster.ts"],
          hookTimeout: 900_000,
        },
      },
    ],
  },
});

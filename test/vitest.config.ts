import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: ".",
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 90_000,
    hookTimeout: 150_000,
    pool: "forks",
    // One more than the smallest machine has cores: the journeys wait more than they work.
    maxWorkers: 3,
  },
});

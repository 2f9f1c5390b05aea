import { availableParallelism } from 'node:os'

import { defineConfig } from 'vitest/config'

const suite = (name: string, include: string[], more: object = {}) => ({
  extends: true as const,
  test: { name, include, ...more },
})

export default defineConfig({
  ssr: { resolve: { conditions: ['@mreg/source'] } },
  test: {
    // Real processes, databases and sockets on busy machines: what fails twice is broken.
    retry: 1,
    // Most of the tests wait for processes and clocks; without this a machine of two cores would run one file at a time.
    maxWorkers: Math.max(2, availableParallelism()),
    reporters: ['default', 'json'],
    // What .ci/run counts.
    outputFile: { json: 'test-results/vitest.json' },
    projects: [
      suite('unit', ['{packages,apps}/*/test/**/*.test.ts', '{docs,tooling}/test/**/*.test.ts'], {
        // An embedded database takes seconds to start on a busy machine.
        testTimeout: 60_000,
        hookTimeout: 120_000,
      }),
      suite('integration', ['{packages,apps}/*/test/**/*.integration.ts'], {
        globalSetup: ['packages/testing/src/vitest-services.ts'],
        testTimeout: 60_000,
        hookTimeout: 120_000,
      }),
      suite('e2e', ['{e2e,conformance}/**/*.e2e.ts'], {
        globalSetup: ['packages/testing/src/vitest-services.ts'],
        testTimeout: 90_000,
        hookTimeout: 120_000,
      }),
    ],
  },
})

import { afterAll, beforeAll, expect, test } from 'vitest'

import { runClientScenario } from './src/client-suite.ts'
import { complaintsOf, verdictOf } from './src/outcome.ts'
import { startTargets, type Targets } from './src/targets.ts'

let targets: Targets
beforeAll(async () => {
  targets = await startTargets('build')
})
afterAll(() => targets[Symbol.asyncDispose]())

/** What a client of servers must do, and the ways of a login that end well or must not. All of them: `pnpm conformance`. */
test.each([
  ['initialize', '2025-11-25'],
  ['tools_call', '2025-11-25'],
  ['tools_call', '2026-07-28'],
  ['elicitation-sep1034-client-defaults', '2025-11-25'],
  ['sse-retry', '2025-11-25'],
  ['request-metadata', '2026-07-28'],
  ['sep-2322-client-request-state', '2026-07-28'],
  ['http-standard-headers', '2026-07-28'],
  ['http-custom-headers', '2026-07-28'],
  ['http-invalid-tool-headers', '2026-07-28'],
  ['json-schema-ref-no-deref', '2026-07-28'],
  ['auth/metadata-default', '2026-07-28'],
  ['auth/pre-registration', '2026-07-28'],
  ['auth/iss-wrong-issuer', '2026-07-28'],
] as const)(
  "the official suite's servers find a client in the gateway: %s, %s",
  { timeout: 300_000 },
  async (scenario, revision) => {
    const outcome = await runClientScenario(scenario, revision, targets.gateway)
    expect({ verdict: verdictOf(outcome), complaints: complaintsOf(outcome) }).toEqual({
      verdict: 'passed',
      complaints: [],
    })
  },
)

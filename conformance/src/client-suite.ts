import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { ManagedProcess } from '@mreg/testing'

import { type ScenarioOutcome, verdictOf } from './outcome.ts'
import { readOutcomes } from './read-outcomes.ts'
import { programOf } from './suite.ts'
import type { Targets } from './targets.ts'

/** A revision of the protocol that has client scenarios. */
export type Revision = '2025-11-25' | '2026-07-28'

/** What came of one scenario in one revision. */
export interface ClientRun {
  readonly revision: Revision
  readonly outcome: ScenarioOutcome
}

const PROGRAM = programOf({ release: '0.2.0-alpha.12' })
const CLIENT = fileURLToPath(new URL('client/client-main.ts', import.meta.url))
const TIMEOUT_MS = 60_000
const TRIES = 3

/** The client scenarios that a revision requires. */
export const requiredClientScenarios = async (revision: Revision): Promise<readonly string[]> => {
  await using child = new ManagedProcess({
    command: process.execPath,
    arguments: [PROGRAM, 'list', '--client', '--requirements', revision],
  })
  await child.exited
  const [, list = ''] = child.stdout.split(/^Client scenarios .*$/mu)
  const [required = ''] = list.split(/^Run and reported/mu)
  return [...required.matchAll(/^\s+- (\S+)$/gmu)].map(([, name = '']) => name)
}

/** Runs one scenario of a server of the suite, with the gateway as its client; up to three times, until it does not fail. */
export const runClientScenario = async (
  scenario: string,
  revision: Revision,
  gateway: Targets['gateway'],
): Promise<ScenarioOutcome> => {
  let outcome: ScenarioOutcome = { scenario, checks: [], isScored: true }
  for (let tries = 0; tries < TRIES && verdictOf(outcome) === 'failed'; tries += 1) {
    outcome = await runOnce(scenario, revision, gateway)
  }
  return outcome
}

const runOnce = async (
  scenario: string,
  revision: Revision,
  { url, adminKey }: Targets['gateway'],
): Promise<ScenarioOutcome> => {
  const results = await mkdtemp(join(tmpdir(), 'mreg-conformance-'))
  try {
    const command = `${process.execPath} --no-warnings ${CLIENT}`
    const options = ['--scenario', scenario, '--spec-version', revision, '--timeout', String(TIMEOUT_MS)]
    await using child = new ManagedProcess({
      command: process.execPath,
      arguments: [PROGRAM, 'client', '--command', command, ...options, '-o', results],
      environment: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        MREG_CONFORMANCE_GATEWAY: url,
        MREG_CONFORMANCE_KEY: adminKey,
      },
    })
    const timer = setTimeout(() => child.signal('SIGKILL'), TIMEOUT_MS * 2)
    await child.exited
    clearTimeout(timer)
    const [outcome] = await readOutcomes(results, new Set())
    return outcome ?? { scenario, checks: [], isScored: true }
  } finally {
    await rm(results, { recursive: true, force: true })
  }
}

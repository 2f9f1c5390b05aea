import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { ManagedProcess } from '@mreg/testing'

import type { ScenarioOutcome } from './outcome.ts'
import { readOutcomes } from './read-outcomes.ts'
import { programOf, type Suite, titleOf } from './suite.ts'

/** How long one run of a suite may take, in milliseconds. */
const TIMEOUT_MS = 240_000

/**
 * Runs one suite, or one scenario of it, against the server at `url`, and gives what came of each scenario.
 * @throws Error with the suite's output when it says nothing about any scenario
 */
export const runSuite = async (
  suite: Suite,
  url: string,
  scenario?: string,
): Promise<readonly ScenarioOutcome[]> => {
  const results = await mkdtemp(join(tmpdir(), 'mreg-conformance-'))
  try {
    await using child = new ManagedProcess({
      command: process.execPath,
      arguments: [programOf(suite), 'server', '--url', url, ...argumentsOf(suite, scenario), '-o', results],
    })
    const timer = setTimeout(() => child.signal('SIGKILL'), TIMEOUT_MS)
    await child.exited
    clearTimeout(timer)
    const notScored = notScoredIn(child.stdout)
    const outcomes = await readOutcomes(results, notScored, 'server-')
    if (outcomes.length > 0) return outcomes
    throw new Error(`${titleOf(suite)} ran no scenario\n${child.stdout}\n${child.stderr}`)
  } finally {
    await rm(results, { recursive: true, force: true })
  }
}

/** The arguments of the whole suite, or of one scenario in the version that the suite names. */
const argumentsOf = ({ arguments: args }: Suite, scenario: string | undefined): readonly string[] => {
  if (scenario === undefined) return args
  const [option, value = ''] = args.slice(-2)
  const version = option === '--requirements' || option === '--spec-version' ? ['--spec-version', value] : []
  // What a suite runs is not always part of the version: extensions are not.
  return ['--scenario', scenario, ...version, ...(version.length === 0 ? [] : ['--force'])]
}

/** The scenarios that the suite reports without counting them. */
const notScoredIn = (output: string): ReadonlySet<string> => {
  const [, list = ''] = output.split(/^Not scored for .*$/mu)
  return new Set([...list.matchAll(/^\s+\S\s+([\w/-]+) \(/gmu)].map(([, name = '']) => name))
}

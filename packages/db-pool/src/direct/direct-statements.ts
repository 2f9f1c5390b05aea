import { CompiledQuery, type QueryResult } from 'kysely'

import type { DirectStatements } from '../database-pool.ts'

/** Runs one statement. */
export type RunStatement = <R>(query: CompiledQuery<R>) => Promise<QueryResult<R>>

/** The statements of {@link DirectStatements} on whatever runs one. */
export class Statements implements DirectStatements {
  /** Runs a query that is compiled already. */
  readonly run: RunStatement

  constructor(run: RunStatement) {
    this.run = run
  }

  async execute(sql: string, parameters: readonly unknown[] = []): Promise<number> {
    const { numAffectedRows } = await this.run(CompiledQuery.raw(sql, [...parameters]))
    return Number(numAffectedRows ?? 0n)
  }

  async fetch<Row extends object>(sql: string, parameters: readonly unknown[] = []): Promise<readonly Row[]> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the row's type is the caller's promise
    const query = CompiledQuery.raw(sql, [...parameters]) as CompiledQuery<Row>
    return (await this.run(query)).rows
  }

  async fetchRow<Row extends object>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<Row | undefined> {
    return (await this.fetch<Row>(sql, parameters))[0]
  }
}

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
    return (await this.run(rawQuery<Row>(sql, parameters))).rows
  }

  async fetchRow<Row extends object>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<Row | undefined> {
    return (await this.run(rawQuery<Row>(sql, parameters))).rows[0]
  }
}

const rawQuery = <Row>(sql: string, parameters: readonly unknown[]): CompiledQuery<Row> =>
  CompiledQuery.raw(sql, [...parameters])

import {
  type Compilable,
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'

import { Statements } from '../direct/direct-statements.ts'
import { nameStatement } from './statement-names.ts'

/** Stands for a parameter while a query is built: `parameter('id')`. */
export interface ParameterPlaceholder<Parameters extends object> {
  <Name extends string & keyof Parameters>(name: Name): Parameters[Name]
}

/** Where a prepared query runs: a session, or a pool. */
export interface QueryTarget<Schema> {
  readonly kysely: Kysely<Schema>
}

/** A query that was built and compiled once. */
export interface PreparedQuery<Schema, Parameters extends object, Row> {
  /** What is sent. */
  readonly sql: string
  /** @returns its rows. */
  fetch(target: QueryTarget<Schema>, parameters: Parameters): Promise<readonly Row[]>
  /** @returns its first row; undefined when there is none. */
  fetchRow(target: QueryTarget<Schema>, parameters: Parameters): Promise<Row | undefined>
  /** @returns how many rows it changed. */
  execute(target: QueryTarget<Schema>, parameters: Parameters): Promise<number>
}

/**
 * Builds and compiles a query once, for a path on which that would cost more than the query itself. PostgreSQL
 * is sent it as a named statement, which a connection parses only once. Keep the result in a constant; the values
 * come with each run:
 *
 * ```ts
 * const findNote = prepareQuery((kysely: Kysely<Schema>, parameter: ParameterPlaceholder<{ id: string }>) =>
 *   kysely.selectFrom('notes').selectAll().where('id', '=', parameter('id')),
 * )
 * const note = await pool.tenantSession('ann', (session) => findNote.fetchRow(session, { id: '1' }))
 * ```
 *
 * @param build is called once. A placeholder is a value and nothing else: what decides over the text of the
 *   query (whether a value is null, how long a list is) is decided here.
 */
export const prepareQuery = <Schema, Parameters extends object, Row>(
  build: (kysely: Kysely<Schema>, parameter: ParameterPlaceholder<Parameters>) => Compilable<Row>,
): PreparedQuery<Schema, Parameters, Row> => {
  const compiled = build(compilingKysely<Schema>(), placeholder).compile()
  nameStatement(compiled.sql)
  return new CompiledOnce(compiled)
}

class CompiledOnce<Schema, Parameters extends object, Row> implements PreparedQuery<Schema, Parameters, Row> {
  readonly #compiled: CompiledQuery<Row>

  constructor(compiled: CompiledQuery<Row>) {
    this.#compiled = compiled
  }

  get sql(): string {
    return this.#compiled.sql
  }

  async fetch(target: QueryTarget<Schema>, parameters: Parameters): Promise<readonly Row[]> {
    return (await this.#run(target, parameters)).rows
  }

  async fetchRow(target: QueryTarget<Schema>, parameters: Parameters): Promise<Row | undefined> {
    return (await this.#run(target, parameters)).rows[0]
  }

  async execute(target: QueryTarget<Schema>, parameters: Parameters): Promise<number> {
    const { numAffectedRows } = await this.#run(target, parameters)
    return Number(numAffectedRows ?? 0n)
  }

  #run(target: QueryTarget<Schema>, parameters: Parameters): Promise<QueryResult<Row>> {
    const query = this.#with(parameters)
    return target instanceof Statements ? target.run(query) : target.kysely.executeQuery(query)
  }

  #with(values: Parameters): CompiledQuery<Row> {
    return {
      ...this.#compiled,
      parameters: this.#compiled.parameters.map((parameter) =>
        parameter instanceof Placeholder ? valueOf(values, parameter.name) : parameter,
      ),
    }
  }
}

const valueOf = (values: object, name: string): unknown => {
  if (!Object.hasOwn(values, name)) {
    throw new TypeError(`the parameter "${name}" of a prepared query was not given`)
  }
  const value: unknown = Reflect.get(values, name)
  return value
}

/** Takes the place of a value until there is one. */
class Placeholder {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Kysely carries a value through without looking at it
const placeholder = ((name: string) => new Placeholder(name)) as never

/** Compiles, and is connected to nothing. */
const compilingKysely = <Schema>(): Kysely<Schema> =>
  new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  })

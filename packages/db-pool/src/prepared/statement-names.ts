import { createHash } from 'node:crypto'

/** More statements than these are run without a name: a program that prepares in a loop must not fill the server. */
const MAX_NAMES = 1_000

/** By the text of the statement. A name is of one connection, so all pools of the process may share this. */
const names = new Map<string, string>()

/** Lets a driver that knows named statements give this one a name. */
export const nameStatement = (sql: string): void => {
  if (!names.has(sql) && names.size < MAX_NAMES) {
    names.set(sql, `${createHash('sha256').update(sql).digest('hex').slice(0, 22)}_g1`)
  }
}

/** The name of a statement; undefined: it has none. */
export const statementName = (sql: string): string | undefined => names.get(sql)

/** Gives a statement another name, because what servers have made of the old one is out of date. */
export const renameStatement = (sql: string): void => {
  const [base, generation] = names.get(sql)?.split('_g') ?? []
  if (base !== undefined) {
    names.set(sql, `${base}_g${Number(generation) + 1}`)
  }
}

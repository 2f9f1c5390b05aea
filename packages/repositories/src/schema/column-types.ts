import type { ColumnType } from 'kysely'

/** Set by the database when the row is made. */
export type CreatedAt = ColumnType<Date, never, never>
/** Set by the database when the row is made, and by whoever changes it. */
export type UpdatedAt = ColumnType<Date, never, Date>
/** Text in, so that both drivers hand it over alike. */
export type Json<T> = ColumnType<T, string | undefined, string>

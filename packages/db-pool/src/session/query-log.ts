import type { LogEvent } from 'kysely'

import type { QueryEvent } from '../pool-options.ts'

/** Tells `onQuery` what Kysely logs, without the parameters. */
export const queryLog =
  (onQuery: (event: QueryEvent) => void) =>
  (event: LogEvent): void => {
    onQuery({
      sql: event.query.sql,
      durationMs: event.queryDurationMillis,
      error: event.level === 'error' ? event.error : undefined,
    })
  }

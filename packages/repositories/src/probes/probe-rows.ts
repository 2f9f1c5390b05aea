import type { EndpointProbe } from '@mreg/core'
import { type RawBuilder, sql } from 'kysely'

import { isEntityId } from '../base/entity-id.ts'

/** A probe as the columns of a table. */
interface ProbeRow {
  readonly endpoint_id: string
  readonly status: string
  readonly era: string | null
  readonly latency_ms: number | null
  readonly message: string | null
  readonly probed_at: string
}

/** What an endpoint said is kept up to so many characters. */
const MAX_MESSAGE_LENGTH = 1_000

/** Probes as rows that can be stored whatever is in them: one that could not would take the others of its batch with it. */
export const toProbeRows = (probes: readonly EndpointProbe[]): readonly ProbeRow[] =>
  probes
    .filter(({ endpointId }) => isEntityId(endpointId))
    .map(({ endpointId, status, era, latencyMs, message, probedAt }) => ({
      endpoint_id: endpointId,
      status,
      era: era ?? null,
      latency_ms: latencyMs === undefined || !Number.isFinite(latencyMs) ? null : Math.round(latencyMs),
      message: message === undefined ? null : storable(message),
      probed_at: (probedAt ?? new Date()).toISOString(),
    }))

/** Neither the character NUL nor half of a surrogate pair. */
const storable = (text: string): string =>
  text.slice(0, MAX_MESSAGE_LENGTH).replaceAll('\0', '').toWellFormed()

/**
 * For a FROM: the rows as `given`, each beside its endpoint `e`; rows of endpoints that are gone are left out. The limit keeps
 * the planner, which does not know how few rows there are, from reading all endpoints.
 */
export const fromProbes = (rows: readonly ProbeRow[]): RawBuilder<unknown> => sql`
  jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given
    (endpoint_id uuid, status text, era text, latency_ms integer, message text, probed_at timestamptz)
  cross join lateral (select id, tenant_id from server_endpoints where id = given.endpoint_id limit 1) e
`

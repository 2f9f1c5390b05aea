import { type RawBuilder, sql } from 'kysely'

import { isEntityId } from '../base/entity-id.ts'
import type { ProbeResult } from './probe-result.ts'

/** A probe as the columns of a table. */
interface ProbeRow {
  readonly endpoint_id: string
  readonly status: string
  readonly era: string | null
  readonly latency_ms: number | null
  readonly message: string | null
  readonly probed_at: string | null
  readonly fencing_token: number | null
}

/** What an endpoint said is kept up to so many characters. */
const MAX_MESSAGE_LENGTH = 1_000

/** Probes as rows that can be stored whatever is in them: one that could not would take the others of its batch with it. */
export const toProbeRows = (probes: readonly ProbeResult[]): readonly ProbeRow[] =>
  probes
    .filter(({ endpointId }) => isEntityId(endpointId))
    .map(({ endpointId, status, era, latencyMs, message, probedAt, fencingToken }) => ({
      endpoint_id: endpointId,
      status,
      era: era ?? null,
      latency_ms: latencyMs === undefined || !Number.isFinite(latencyMs) ? null : Math.round(latencyMs),
      message: message === undefined ? null : storable(message),
      probed_at: probedAt?.toISOString() ?? null,
      fencing_token: fencingToken ?? null,
    }))

/** Neither the character NUL nor half of a surrogate pair. */
const storable = (text: string): string =>
  text.slice(0, MAX_MESSAGE_LENGTH).replaceAll('\0', '').toWellFormed()

/** For a FROM: the rows as `given`, in their order. */
export const fromProbes = (rows: readonly ProbeRow[]): RawBuilder<unknown> => sql`
  jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (endpoint_id uuid, status text, era text, latency_ms integer,
    message text, probed_at timestamptz, fencing_token bigint, spread float8)`

import type { AuditFigures, RequestLimits } from '@mreg/access'
import type { CacheStats } from '@mreg/cache'
import type { DatabasePoolStats } from '@mreg/db-pool'
import type { HttpPoolStats } from '@mreg/http-pool'

import { type MetricFamily, single } from './metric-family.ts'

/** What the parts of this process say of themselves. */
export interface ProcessFigures {
  readonly servers: number
  /** MCP requests that are being answered. */
  readonly requestsInFlight: number
  /** What was refused because it was too much. */
  readonly limits: Pick<RequestLimits, 'leases' | 'refusals'>
  /** What became of audit events. */
  readonly audit: AuditFigures & { readonly pending: number }
  /** Sessions with servers that are remembered. */
  readonly sessions: number
  /** Processes of servers that are commands. */
  readonly processes: number
  readonly database: DatabasePoolStats
  readonly cache: CacheStats
  readonly http: HttpPoolStats
}

/** What the process holds, and how full it is. */
export const processFamilies = (figures: ProcessFigures): MetricFamily[] => {
  const { audit, cache, database, http, limits } = figures
  const { committed, discarded, failed, retried } = database
  const { droppedWrites, hits, loadFailures, loads, misses, staleHits, writes } = cache
  return [
    single('gauge', 'mreg_servers', 'Servers that can be routed to.', figures.servers),
    single(
      'gauge',
      'mreg_requests_in_flight',
      'MCP requests that are being answered.',
      figures.requestsInFlight,
    ),
    {
      name: 'mreg_requests_limited_total',
      help: 'Requests that were refused because there were too many, by whose they were.',
      type: 'counter',
      samples: Object.entries(limits.refusals).map(([by, value]) => ({ labels: { by }, value })),
    },
    byEvent('mreg_audit_events_total', 'What became of audit events.', {
      recorded: audit.recorded,
      written: audit.written,
      spooled: audit.spooled,
      lost: audit.lost,
      suppressed: audit.suppressed,
    }),
    single('gauge', 'mreg_audit_events_pending', 'Audit events that are not written yet.', audit.pending),
    byEvent('mreg_quota_leases_total', 'Leases of quotas that gateways share.', { ...limits.leases }),
    single('gauge', 'mreg_sessions', 'Sessions with servers that are remembered.', figures.sessions),
    single('gauge', 'mreg_child_processes', 'Processes of servers that are commands.', figures.processes),
    byState('mreg_database_connections', 'Connections to the database.', {
      open: database.size,
      available: database.available,
      limit: database.limit,
    }),
    byState('mreg_database_sessions', 'Sessions with the database.', {
      active: database.active,
      waiting: database.waiting,
    }),
    byEvent('mreg_database_session_events_total', 'How sessions with the database went.', {
      committed,
      failed,
      retried,
      discarded,
    }),
    byState('mreg_http_connections', 'Connections to servers.', { open: http.open, idle: http.idle }),
    byState('mreg_http_requests', 'Requests to servers that hold a place in the pool, or wait for one.', {
      active: http.active,
      queued: http.queued,
    }),
    single(
      'gauge',
      'mreg_cache_connected',
      'Whether the cache can be used (1) or not (0).',
      Number(cache.connected),
    ),
    byEvent('mreg_cache_events_total', 'What was asked of the cache.', {
      hits,
      misses,
      staleHits,
      loads,
      loadFailures,
      writes,
      droppedWrites,
    }),
  ]
}

const byState = (name: string, help: string, values: Readonly<Record<string, number>>): MetricFamily => ({
  name,
  help,
  type: 'gauge',
  samples: Object.entries(values).map(([state, value]) => ({ labels: { state }, value })),
})

const byEvent = (name: string, help: string, values: Readonly<Record<string, number>>): MetricFamily => ({
  name,
  help,
  type: 'counter',
  samples: Object.entries(values).map(([event, value]) => ({ labels: { event }, value })),
})

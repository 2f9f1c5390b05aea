import type { ServerStatus } from '@mreg/core'

/** How a server is doing, from what is known of its endpoints: as good as all of them, `degraded` when only some work well. */
export const serverStatus = (endpoints: readonly ServerStatus[]): ServerStatus => {
  const found = new Set(endpoints)
  const [only] = found
  if (only === undefined) return 'unknown'
  if (found.size === 1) return only
  if (found.has('healthy') || found.has('degraded')) return 'degraded'
  return found.has('needs_login') ? 'needs_login' : 'unhealthy'
}

import type { EndpointProbe, ServerStatus } from '@mreg/core'

/** How a server is doing, from how its endpoints were found: as good as all of them, `degraded` when only some work. */
export const serverStatus = (probes: readonly EndpointProbe[]): ServerStatus => {
  const found = new Set(probes.map(({ status }) => status))
  const [only] = found
  if (only === undefined) return 'unknown'
  if (found.size === 1) return only
  if (found.has('healthy')) return 'degraded'
  return found.has('needs_login') ? 'needs_login' : 'unhealthy'
}

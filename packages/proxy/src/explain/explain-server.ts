import { type CatalogServer, needsLogin } from '@mreg/registry'

import type { ServerRoute } from '../route-table.ts'
import type { Steps } from './explanation.ts'

/** Says how it stands with a server: registered, in service, logged in for, well. */
export const explainServer = (
  steps: Steps,
  slug: string,
  route: ServerRoute | undefined,
  known: CatalogServer | undefined,
): void => {
  if (route === undefined)
    return steps.add('server', 'no', 'server_not_found', `No server is registered as "${slug}" any more.`)
  const { maintenance, status } = route.server
  if (maintenance)
    return steps.add(
      'server',
      'no',
      'maintenance',
      `The server "${slug}" is registered, and was taken out of service: its calls are refused until that is taken back.`,
      { status },
    )
  if (needsLogin(known))
    return steps.add(
      'server',
      'no',
      'needs_login',
      `The server "${slug}" wants a login of this caller first; mreg login ${slug} makes one.`,
      { status },
    )
  const isDoubtful = status === 'degraded' || status === 'unhealthy' || status === 'needs_login'
  const unavailable = known?.unavailable
  const since =
    unavailable &&
    `; what it offers was not to be had since ${unavailable.since.toISOString()}: ${unavailable.reason}`
  return steps.add(
    'server',
    isDoubtful || unavailable !== undefined ? 'warning' : 'ok',
    unavailable === undefined ? `server_${status}` : 'server_unavailable',
    `The server "${slug}" is registered and in service; probes found it ${status}${since ?? ''}.`,
    {
      status,
      ...(unavailable === undefined
        ? {}
        : { reason: unavailable.code, since: unavailable.since.toISOString() }),
    },
  )
}

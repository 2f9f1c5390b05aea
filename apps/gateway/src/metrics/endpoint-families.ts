import type { RouteTable, ServerRoute } from '@mreg/proxy'

import type { MetricFamily } from './metric-family.ts'

/** So many endpoints are shown at most, of servers that have several. */
const MAX_ENDPOINTS = 1000

const STATES = ['ready', 'warming', 'ejected', 'draining'] as const

/** How the endpoints of servers with several stand with their balancers. */
export const endpointFamilies = (routes: RouteTable): MetricFamily[] => {
  const endpoints = [...balancedEndpoints(routes)]
  return [
    {
      name: 'mreg_endpoint_state',
      help: 'Whether an endpoint of a server with several is in this state (1) or not (0).',
      type: 'gauge',
      samples: endpoints.flatMap(({ labels, stats }) =>
        STATES.map((state) => ({ labels: { ...labels, state }, value: stats.state === state ? 1 : 0 })),
      ),
    },
    {
      name: 'mreg_endpoint_weight',
      help: 'Its share of the work as of now; less while it warms up.',
      type: 'gauge',
      samples: endpoints.map(({ labels, stats }) => ({ labels, value: stats.effectiveWeight })),
    },
    {
      name: 'mreg_endpoint_in_flight',
      help: 'Requests that it is answering.',
      type: 'gauge',
      samples: endpoints.map(({ labels, stats }) => ({ labels, value: stats.inFlight })),
    },
    {
      name: 'mreg_endpoint_calls_total',
      help: 'Requests that it has answered, or failed.',
      type: 'counter',
      samples: endpoints.flatMap(({ labels, stats: { failures, successes } }) => [
        { labels: { ...labels, outcome: 'success' }, value: successes },
        { labels: { ...labels, outcome: 'failure' }, value: failures },
      ]),
    },
  ]
}

interface BalancedEndpoint {
  readonly labels: Readonly<Record<'tenant' | 'server' | 'endpoint', string>>
  readonly stats: ReturnType<ServerRoute['replicas']['stats']>[number]
}

function* balancedEndpoints(routes: RouteTable): Generator<BalancedEndpoint, void, undefined> {
  let shown = 0
  for (const { replicas, server } of routes.all()) {
    for (const stats of replicas.stats()) {
      if (shown === MAX_ENDPOINTS) return
      shown += 1
      yield { labels: { tenant: server.tenantId, server: server.slug, endpoint: stats.id }, stats }
    }
  }
}

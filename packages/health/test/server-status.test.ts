import type { EndpointProbe, ServerStatus } from '@mreg/core'
import { serverStatus } from '@mreg/health'
import { expect, test } from 'vitest'

const probes = (...statuses: readonly ServerStatus[]): EndpointProbe[] =>
  statuses.map((status, index) => ({
    endpointId: String(index),
    status,
    era: undefined,
    latencyMs: undefined,
    message: undefined,
    probedAt: undefined,
  }))

test.each<[readonly ServerStatus[], ServerStatus]>([
  [[], 'unknown'],
  [['healthy'], 'healthy'],
  [['healthy', 'healthy'], 'healthy'],
  [['healthy', 'unhealthy'], 'degraded'],
  [['healthy', 'needs_login'], 'degraded'],
  [['unhealthy', 'needs_login'], 'needs_login'],
  [['unhealthy', 'unknown'], 'unhealthy'],
  [['unhealthy'], 'unhealthy'],
])('endpoints that are %j make a server %s', (statuses, expected) => {
  expect(serverStatus(probes(...statuses))).toBe(expected)
})

import type { ServerStatus } from '@mreg/core'
import { serverStatus } from '@mreg/health'
import { expect, test } from 'vitest'

test.each<[readonly ServerStatus[], ServerStatus]>([
  [[], 'unknown'],
  [['healthy'], 'healthy'],
  [['healthy', 'healthy'], 'healthy'],
  [['healthy', 'unhealthy'], 'degraded'],
  [['healthy', 'needs_login'], 'degraded'],
  [['unhealthy', 'needs_login'], 'needs_login'],
  [['unhealthy', 'unknown'], 'unhealthy'],
  [['degraded', 'unhealthy'], 'degraded'],
  [['unhealthy'], 'unhealthy'],
])('endpoints that are %j make a server %s', (endpoints, expected) => {
  expect(serverStatus(endpoints)).toBe(expected)
})

import { Replicas } from '../replicas/replicas.ts'
import type { ServerRoute } from '../route-table.ts'

/** All servers of a tenant as if they were one, for what asks after the settings of a server. It leads nowhere by itself. */
export const mergedRoute = (tenantId: string): ServerRoute => ({
  server: {
    id: 'merged',
    tenantId,
    slug: 'mreg',
    title: undefined,
    description: undefined,
    version: undefined,
    tags: [],
    visibility: 'private',
    status: 'unknown',
    maintenance: false,
    settings: {},
    managedBy: 'api',
    revision: 0,
    createdAt: new Date(0),
    updatedAt: new Date(0),
    endpoints: [],
  },
  targets: [],
  replicas: new Replicas(),
})

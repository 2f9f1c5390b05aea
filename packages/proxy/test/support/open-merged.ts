import { randomBytes } from 'node:crypto'

import { KeyRing } from '@mreg/access'
import { DEFAULT_TENANT } from '@mreg/core'
import type { RegisteredServer, RegisteredToolset } from '@mreg/registry'

import { type CatalogSettings, MergedProxy, type MergedProxyOptions, SessionTokens } from '../../src/index.ts'
import { type OpenProxy, openProxy, type ProxyOptions } from './open-proxy.ts'
import { type ServedProxy, serveProxy } from './serve-proxy.ts'

export interface OpenMerged extends AsyncDisposable {
  readonly url: URL
  urlOfSet(slug: string): URL
  readonly open: OpenProxy
  readonly merged: MergedProxy
  /** Registers servers, as the gateway does it. */
  register(...servers: readonly RegisteredServer[]): void
  unregister(server: RegisteredServer): void
  /** Makes these all the toolsets that there are. */
  setToolsets(toolsets: Readonly<Record<string, RegisteredToolset['items']>>): void
}

/** `/mcp` with all that is behind it, over HTTP. */
export const openMerged = async (
  catalog: Partial<CatalogSettings> = {},
  options: ProxyOptions = {},
  more: Pick<MergedProxyOptions, 'loginUrlFor'> = {},
): Promise<OpenMerged> => {
  const open = openProxy(options)
  const keys = new KeyRing(options.keys ?? [randomBytes(32).toString('base64url')])
  const merged = new MergedProxy({
    ...more,
    proxy: open.proxy,
    routes: open.routes,
    upstreams: open.upstreams,
    sessions: open.sessions,
    tokens: new SessionTokens({ sealer: keys.sealer('session-token'), lifetimeMs: 60_000 }),
    serverInfo: { name: 'mreg', version: '1.0.0' },
    limits: { maxJsonDepth: 64 },
    timeouts: { requestMs: 5000, toolCallMs: 5000, streamAfterMs: 2000, heartbeatMs: 2000 },
    catalog: { firstListMs: 10_000, ...catalog },
  })
  const served: ServedProxy = await serveProxy(merged)
  return {
    url: served.urlOf(''),
    urlOfSet: (slug) => served.urlOf(`sets/${slug}`),
    open,
    merged,
    register: (...servers) => {
      open.register(...servers)
      merged.routesChanged()
    },
    unregister: ({ id: serverId, tenantId }) => {
      open.routes.apply({ changed: [], removed: [{ tenantId, serverId }], complete: false })
      merged.routesChanged()
    },
    setToolsets: (toolsets) => {
      const all = Object.entries(toolsets).map(([slug, items]) => toolset(slug, items))
      merged.toolsetsChanged({ ids: undefined, toolsets: all })
    },
    async [Symbol.asyncDispose]() {
      merged[Symbol.dispose]()
      await served[Symbol.asyncDispose]()
      await open[Symbol.asyncDispose]()
    },
  }
}

const toolset = (slug: string, items: RegisteredToolset['items']): RegisteredToolset => ({
  id: `id-of-${slug}`,
  tenantId: DEFAULT_TENANT,
  slug,
  title: undefined,
  description: undefined,
  managedBy: 'api',
  revision: 1,
  createdAt: new Date(0),
  updatedAt: new Date(0),
  items,
})

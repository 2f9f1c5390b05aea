import { META, MODERN_VERSIONS } from '@mreg/mcp-wire'
import type { JsonObject } from '@mreg/upstream'

/** What the merged server says of itself to `server/discover`. */
export const discoverResult = (
  serverInfo: { readonly name: string; readonly version: string },
  capabilities: JsonObject,
): JsonObject => ({
  resultType: 'complete',
  supportedVersions: MODERN_VERSIONS,
  capabilities,
  ttlMs: 60_000,
  cacheScope: 'private',
  _meta: { [META.serverInfo]: serverInfo },
})

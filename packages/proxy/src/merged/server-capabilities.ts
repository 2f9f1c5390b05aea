import { HEADER } from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject, parseJsonObject } from '@mreg/upstream'

import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'

/** One server, and what it is able to do. */
export interface CapableServer {
  readonly slug: string
  readonly capabilities: JsonObject
}

/**
 * What servers have said of what they are able to do, by tenant and slug. It is learned from what passes on the way to the
 * catalog, so that nobody is asked for it.
 */
export class ServerCapabilities {
  readonly #known = new Map<string, Map<string, JsonObject>>()

  /** Takes over what an answer to `server/discover` says; all others are nothing to it. */
  learn({ header, principal: { tenantId }, slug }: Exchange, answer: Answer): void {
    if (header(HEADER.method) !== 'server/discover' || answer.kind !== 'complete') return
    const result = parseJsonObject(answer.body)?.['result']
    const capabilities = isJsonObject(result) ? result['capabilities'] : undefined
    if (!isJsonObject(capabilities)) return
    const ofTenant = this.#known.get(tenantId) ?? new Map<string, JsonObject>()
    this.#known.set(tenantId, ofTenant.set(slug, capabilities))
  }

  /** Of those of a tenant's servers of which something is known, in the order of `slugs`. */
  of(tenantId: string, slugs: readonly string[]): readonly CapableServer[] {
    const ofTenant = this.#known.get(tenantId)
    return slugs.flatMap((slug) => {
      const capabilities = ofTenant?.get(slug)
      return capabilities === undefined ? [] : [{ slug, capabilities }]
    })
  }

  /** Forgets servers that are gone. */
  keep(isThere: (tenantId: string, slug: string) => boolean): void {
    for (const [tenantId, ofTenant] of this.#known) {
      for (const slug of ofTenant.keys()) if (!isThere(tenantId, slug)) ofTenant.delete(slug)
      if (ofTenant.size === 0) this.#known.delete(tenantId)
    }
  }
}

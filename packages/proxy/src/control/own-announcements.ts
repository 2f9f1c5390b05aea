import { encodeNotification, type JsonRpcId, META } from '@mreg/mcp-wire'
import type { DefinitionKind } from '@mreg/registry'

import type { StreamAnswer } from '../answer.ts'
import type { RouteTable } from '../route-table.ts'
import type { Routed } from '../routed.ts'
import { acknowledgedIn } from './acknowledged.ts'
import { withOwnMessages } from './own-messages.ts'
import { changedKindsBetween, type Withheld } from './withheld.ts'

/** What tells of a change of a list, and the member of a subscription that asks for it. */
const TOLD_BY: Readonly<Record<DefinitionKind, readonly [method: string, member: string]>> = {
  tool: ['notifications/tools/list_changed', 'toolsListChanged'],
  prompt: ['notifications/prompts/list_changed', 'promptsListChanged'],
  resource: ['notifications/resources/list_changed', 'resourcesListChanged'],
  resource_template: ['notifications/resources/list_changed', 'resourcesListChanged'],
}

/** Somebody who listens to one server. */
interface Listener {
  readonly tenantId: string
  readonly slug: string
  /** What was withheld of the server when it was told last. */
  withheld: Withheld | undefined
  readonly tell: (kinds: ReadonlySet<DefinitionKind>) => void
}

/**
 * Tells those who listen to one server when its lists are others for them because of the gateway: something was switched off or on,
 * held or approved. The server knows nothing of that, and says nothing.
 */
export class OwnAnnouncements {
  readonly #routes: RouteTable
  readonly #listeners = new Set<Listener>()

  constructor(routes: RouteTable) {
    this.#routes = routes
  }

  /** Those in which somebody listens. */
  get tenants(): ReadonlySet<string> {
    return new Set([...this.#listeners].map(({ tenantId }) => tenantId))
  }

  /** The stream on which a client of the older era hears a server, with what the gateway has to say. */
  inOlderEra(answer: StreamAnswer, routed: Routed): StreamAnswer {
    return this.#with(answer, routed, {
      encode: (method) => encodeNotification({ method }),
      mayTell: () => true,
    })
  }

  /**
   * The same for a subscription of the newer era: of what it was acknowledged to tell, under its id.
   *
   * @param id of the request that has opened it.
   */
  inNewerEra(answer: StreamAnswer, routed: Routed, id: JsonRpcId): StreamAnswer {
    let honoured: ReadonlySet<string> | undefined
    return this.#with(answer, routed, {
      encode: (method) => encodeNotification({ method, params: { _meta: { [META.subscriptionId]: id } } }),
      mayTell: (member) => honoured?.has(member) === true,
      onChunk: (chunk) => {
        honoured ??= acknowledgedIn(chunk)
      },
    })
  }

  /** Lists of servers of a tenant may be others now, for those who ask. */
  changed(tenantId: string): void {
    for (const listener of this.#listeners) {
      if (listener.tenantId !== tenantId) continue
      const withheld = this.#routes.lookup(tenantId, listener.slug)?.withheld
      const kinds = changedKindsBetween(listener.withheld, withheld)
      listener.withheld = withheld
      if (kinds.size > 0) listener.tell(kinds)
    }
  }

  #with(
    answer: StreamAnswer,
    { exchange: { principal }, route }: Routed,
    {
      encode,
      mayTell,
      onChunk,
    }: {
      readonly encode: (method: string) => Uint8Array
      readonly mayTell: (member: string) => boolean
      readonly onChunk?: ((chunk: Uint8Array) => void) | undefined
    },
  ): StreamAnswer {
    const { slug, tenantId } = route.server
    const begin = (push: (message: Uint8Array) => void): (() => void) => {
      const listener: Listener = {
        tenantId: principal.tenantId,
        slug,
        withheld: this.#routes.lookup(tenantId, slug)?.withheld,
        tell: (kinds) => {
          const told = [...kinds].map((kind) => TOLD_BY[kind]).filter(([, member]) => mayTell(member))
          for (const method of new Set(told.map(([each]) => each))) push(encode(method))
        },
      }
      this.#listeners.add(listener)
      return () => void this.#listeners.delete(listener)
    }
    return { ...answer, chunks: withOwnMessages(answer.chunks, begin, onChunk) }
  }
}

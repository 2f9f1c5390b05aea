import type { ServerStatus } from './server.ts'

/** Which server an event is about. */
export interface ServerEvent {
  readonly tenantId: string
  readonly serverId: string
  readonly slug: string
}

/** A server was registered, changed or removed, and by whom. */
export interface ServerChangeEvent extends ServerEvent {
  readonly principalId: string
}

/** A definition that differs from what was seen before, or is new and held. */
export interface DefinitionChange {
  readonly kind: 'tool' | 'resource' | 'resource_template' | 'prompt'
  /** What the server calls it. */
  readonly name: string
  /** What became of it: `changed` is served although nobody approved it, `quarantined` waits for that. */
  readonly state: 'accepted' | 'changed' | 'quarantined' | 'disabled' | 'gone'
}

/** What happens in one process of this product, for whoever wants to know: logs, metrics, audit. */
export interface GatewayEvents {
  readonly 'server-registered': ServerChangeEvent
  readonly 'server-updated': ServerChangeEvent
  readonly 'server-removed': ServerChangeEvent
  readonly 'server-status-changed': ServerEvent & { readonly from: ServerStatus; readonly to: ServerStatus }
  /** A principal has logged in for a server, or its login has ended; a refresh of its tokens by another process is told as well. */
  readonly 'login-changed': Omit<ServerEvent, 'slug'> & { readonly principalId: string }
  readonly 'endpoint-status-changed': ServerEvent & {
    readonly endpointId: string
    readonly from: ServerStatus
    readonly to: ServerStatus
  }
  /** A server was seen to offer something else than before: at most the first 100 of what has changed, and of how many. */
  readonly 'definitions-changed': ServerEvent & {
    readonly changes: readonly DefinitionChange[]
    readonly total: number
  }
  /** The circuit breaker of an endpoint went from one state to another. */
  readonly 'circuit-changed': ServerEvent & {
    readonly endpointId: string
    readonly from: string
    readonly to: string
  }
  /** An endpoint works again: its circuit has closed, or a probe found it well after it was not. */
  readonly 'endpoint-recovered': ServerEvent & { readonly endpointId: string }
}

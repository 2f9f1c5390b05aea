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

/** What happens in one process of this product, for whoever wants to know: logs, metrics, audit. */
export interface GatewayEvents {
  readonly 'server-registered': ServerChangeEvent
  readonly 'server-updated': ServerChangeEvent
  readonly 'server-removed': ServerChangeEvent
  readonly 'server-status-changed': ServerEvent & { readonly from: ServerStatus; readonly to: ServerStatus }
  /** The circuit breaker of an endpoint went from one state to another. */
  readonly 'circuit-changed': ServerEvent & {
    readonly endpointId: string
    readonly from: string
    readonly to: string
  }
}

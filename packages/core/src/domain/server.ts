/** How an MCP server is reached. */
export type TransportKind = 'streamable-http' | 'sse' | 'stdio'

/** How a registered server is doing, as far as it is known. */
export type ServerStatus = 'unknown' | 'healthy' | 'degraded' | 'unhealthy' | 'needs_login' | 'maintenance'

/**
 * Who may share the process of a server that is a command: the clients of one principal, nobody (each session has its own),
 * or everybody.
 */
export type Isolation = 'principal' | 'session' | 'shared'

/** Whether documents that need no authentication may show a server. */
export type Visibility = 'private' | 'public'

/** What can be set for one server. Whatever is undefined follows the gateway's settings. */
export interface ServerSettings {
  /** The longest that a `tools/call` may take, in milliseconds. */
  readonly toolCallTimeoutMs?: number | undefined
  /** The longest that any other request may take, in milliseconds. */
  readonly requestTimeoutMs?: number | undefined
  /** For `stdio`: who may share a process. undefined: `principal`. */
  readonly isolation?: Isolation | undefined
}

/** One address of a server. A server may have several, all alike. */
export interface EndpointRecord {
  readonly id: string
  readonly serverId: string
  readonly transport: TransportKind
  /** For `streamable-http` and `sse`. */
  readonly url: string | undefined
  /** For `stdio`: the executable, run without a shell. */
  readonly command: string | undefined
  /** For `stdio`: its arguments, exactly. */
  readonly args: readonly string[] | undefined
  /** For `stdio`: its working directory. */
  readonly cwd: string | undefined
  /** Its share of the load beside the server's other endpoints; 1 is usual. */
  readonly weight: number
  /** Names of the headers that are sent with each request; their values are in the secret store. */
  readonly headerNames: readonly string[]
  /** Names of the environment variables of a `stdio` child; their values are in the secret store. */
  readonly envNames: readonly string[]
  /** Where the secret store keeps the values; undefined when there are none. */
  readonly secretId: string | undefined
}

/** What is known of one endpoint since it was last probed. */
export interface EndpointProbe {
  readonly endpointId: string
  readonly status: ServerStatus
  /** The protocol era that it was found to speak; undefined when it never answered. */
  readonly era: 'modern' | 'legacy' | undefined
  /** How long the probe took, in milliseconds. */
  readonly latencyMs: number | undefined
  /** What went wrong, in words for a person; undefined when nothing did. */
  readonly message: string | undefined
  /** When it was probed; undefined before the first probe. */
  readonly probedAt: Date | undefined
}

/** One registered MCP server. */
export interface ServerRecord {
  readonly id: string
  readonly tenantId: string
  /** Its name in URLs and in merged tool names. Never changes. */
  readonly slug: string
  readonly title: string | undefined
  readonly description: string | undefined
  readonly version: string | undefined
  readonly tags: readonly string[]
  readonly visibility: Visibility
  readonly status: ServerStatus
  readonly settings: ServerSettings
  /** Who may change it: `api`, `file:<id>` or `sync:<source>`. */
  readonly managedBy: string
  /** Grows with each change; an update may demand the one that it has seen. */
  readonly revision: number
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly endpoints: readonly EndpointRecord[]
}

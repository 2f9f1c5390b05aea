import type { OwnChangePolicy } from './change-policy.ts'

/** How an MCP server is reached. */
export type TransportKind = 'streamable-http' | 'sse' | 'stdio'

/** How a registered server is doing, as far as it is known. */
export type ServerStatus = 'unknown' | 'healthy' | 'degraded' | 'unhealthy' | 'needs_login' | 'maintenance'

/**
 * Who may share the process of a server that is a command: the clients of one principal, nobody (each session has its own),
 * or everybody.
 */
export type Isolation = 'principal' | 'session' | 'shared'

/**
 * Whose login a server is used with: one for everybody, or each principal's own. What a server lists for a login of somebody's
 * own is shown to nobody else.
 */
export type LoginScope = 'shared' | 'principal'

/** Whether documents that need no authentication may show a server. */
export type Visibility = 'private' | 'public'

/** Which older answers of a server may stand in while it fails. Whatever is undefined follows the gateway's settings. */
export interface ServerFallback {
  /** How long past its `ttlMs` an answer may stand in, in milliseconds; 0: none ever does. */
  readonly maxStaleMs?: number | undefined
  /** Whether resources and prompts may stand in although the server never said how long they are good. Default false. */
  readonly staleReads?: boolean | undefined
  /** Whether what the server calls public stands in for every principal: it has to be believed. Default false. */
  readonly sharePublic?: boolean | undefined
  /** Tools without side effects, by name, whose results may stand in, and how long those are good. Default: none. */
  readonly tools?: Readonly<Record<string, { readonly ttlMs: number }>> | undefined
}

/** What can be set for one server. Whatever is undefined follows the gateway's settings. */
export interface ServerSettings {
  /** The longest that a `tools/call` may take, in milliseconds. */
  readonly toolCallTimeoutMs?: number | undefined
  /** The longest that any other request may take, in milliseconds. */
  readonly requestTimeoutMs?: number | undefined
  /** For `stdio`: who may share a process. undefined: `principal`. */
  readonly isolation?: Isolation | undefined
  /** For servers that are reached by a URL: whose login they are used with. undefined: `shared`. */
  readonly login?: LoginScope | undefined
  /** Which older answers may stand in while it fails. */
  readonly fallback?: ServerFallback | undefined
  /** How calls are spread over its endpoints, where it has several. */
  readonly balancing?: BalancingSettings | undefined
  /**
   * What it says of its tools is believed: a call of one that it calls read-only or idempotent may be sent to another endpoint
   * when the first one broke down under it. Default false.
   */
  readonly trusted?: boolean | undefined
  /** What becomes of definitions that nobody has approved. */
  readonly changes?: OwnChangePolicy | undefined
}

/** Who of several endpoints gets a call. */
export type BalancingStrategy =
  | 'peak-ewma'
  | 'least-connections'
  | 'round-robin'
  | 'weighted'
  | 'random'
  | 'consistent-hash'

/** How the calls of one server are spread over its endpoints. */
export interface BalancingSettings {
  /** Default `peak-ewma`. For `consistent-hash` the key is the principal: all that one does goes to one endpoint. */
  readonly strategy?: BalancingStrategy | undefined
  /** How long an endpoint that came new or came back gets less than its share, in milliseconds. 0: not at all. Default 30,000. */
  readonly slowStartMs?: number | undefined
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
  /** Whether an administrator has taken it out of service: then that is its status, whatever probes find. */
  readonly maintenance: boolean
  readonly settings: ServerSettings
  /** Who may change it: `api`, `file:<id>` or `sync:<source>`. */
  readonly managedBy: string
  /** Grows with each change; an update may demand the one that it has seen. */
  readonly revision: number
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly endpoints: readonly EndpointRecord[]
}

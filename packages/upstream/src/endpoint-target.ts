import type { EndpointRecord, Isolation, LoginScope } from '@mreg/core'

/** One endpoint of a registered server, with all that is needed to reach it. */
export interface EndpointTarget {
  readonly endpoint: EndpointRecord
  readonly tenantId: string
  readonly serverId: string
  readonly slug: string
  /** The server's revision; what is alive about the endpoint is made anew when it changes. */
  readonly revision: number
  /** The endpoint's credentials as the secret store keeps them; undefined when it needs none. */
  readonly sealedCredentials: Uint8Array | undefined
  /** For `stdio`: who may share a process. undefined: `principal`. */
  readonly isolation?: Isolation | undefined
  /** Whose login it is used with. undefined: `shared`. */
  readonly login?: LoginScope | undefined
}

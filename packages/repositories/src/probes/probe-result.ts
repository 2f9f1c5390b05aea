import type { EndpointProbe, ServerStatus } from '@mreg/core'

/** What a probe found, and by which right. */
export interface ProbeResult extends EndpointProbe {
  /**
   * Of the lease under which it was probed: the result counts as one observation, if the lease is still held. undefined: it
   * was asked for out of turn; the endpoint is as it was found, at once, and a lease that somebody holds is over.
   */
  readonly fencingToken?: number | undefined
}

/** What was seen of an endpoint that is reached by a URL while clients used it. */
export interface Witnessed {
  readonly endpointId: string
  readonly works: boolean
}

/** What has become of the result of a probe. */
export interface StoredProbe {
  readonly endpointId: string
  /** The status before. */
  readonly former: ServerStatus
  /** The status now. */
  readonly status: ServerStatus
  /** When it came to that status. */
  readonly statusSince: Date
  readonly probedAt: Date
}

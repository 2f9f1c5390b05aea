import type { EndpointProbe, ServerStatus } from '@mreg/core'

/** What one probe found, as it is kept. */
export interface HealthCheck {
  readonly endpointId: string
  readonly status: ServerStatus
  /** The protocol era that was seen; undefined when the endpoint did not answer. */
  readonly era: EndpointProbe['era']
  /** How long the probe took, in milliseconds. */
  readonly latencyMs: number | undefined
  /** What went wrong; undefined when nothing did. */
  readonly message: string | undefined
  readonly checkedAt: Date
}

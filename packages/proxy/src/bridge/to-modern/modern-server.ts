import type { UpstreamEndpoint } from '@mreg/upstream'

/** A server that is spoken to in the newer era: an endpoint, or something in this process that answers like one. */
export type ModernServer = Pick<UpstreamEndpoint, 'send'>

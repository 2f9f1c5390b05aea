export { createStreamableHttpTransport } from './streamable-http-transport.ts'
export type { StreamableHttpTransportOptions } from './streamable-http-options.ts'

export { createSseTransport } from './sse/sse-transport.ts'
export type { SseTransportOptions } from './sse/sse-options.ts'

export { StdioTransport, type StdioActivity } from './stdio/stdio-transport.ts'
export type { StdioEra, StdioTransportOptions } from './stdio/stdio-options.ts'
export type { StdioClient } from './stdio/handshake.ts'
export type { StdioCommand, StdioExit } from './stdio/stdio-process.ts'
export { ChildGuard } from './stdio/child-guard.ts'
export { childEnvironment, environmentFault } from './stdio/child-environment.ts'

export type {
  UpstreamEndSessionRequest,
  UpstreamListenRequest,
  UpstreamRequest,
  UpstreamRequestOptions,
  UpstreamTransport,
} from './upstream-transport.ts'
export type {
  UpstreamAcceptedReply,
  UpstreamEvent,
  UpstreamMessageReply,
  UpstreamRefusedReply,
  UpstreamReply,
  UpstreamStreamPosition,
  UpstreamStreamReply,
} from './upstream-reply.ts'

export {
  UpstreamTransportError,
  type UpstreamTransportErrorDetails,
  type UpstreamTransportErrorReason,
} from './upstream-transport-error.ts'

// Reading a message
export { scanMessage } from './scan/scan-message.ts'
export { DEFAULT_SCAN_LIMITS, MAX_SCAN_DEPTH, type ScanLimits } from './scan/scan-limits.ts'
export type { JsonRpcId, ScannedMessage, ScannedMeta } from './scanned-message.ts'
export type { Span } from './span.ts'
export { WireError, type WireErrorOptions, type WireErrorReason } from './wire-error.ts'

// Changing and making messages
export { spliceMessage, type SpliceEdit } from './splice-message.ts'
export {
  editMembers,
  findMember,
  listMembers,
  readValue,
  type Member,
  type MemberChanges,
} from './members.ts'
export { listElements } from './elements.ts'
export {
  encodeError,
  encodeNotification,
  encodeRequest,
  encodeResult,
  type EncodeErrorOptions,
  type EncodeNotificationOptions,
  type EncodeRequestOptions,
  type EncodeResultOptions,
} from './encode-message.ts'

// Server-Sent Events
export { SseDecoder, type SseDecoderOptions } from './sse/sse-decoder.ts'
export type { SseEvent } from './sse/sse-event.ts'
export { SseEventTooLargeError } from './sse/sse-event-too-large-error.ts'
export { encodeSseComment, encodeSseEvent, type EncodeSseEventOptions } from './sse/encode-sse.ts'

// Names, versions, codes
export { HEADER } from './headers/header-names.ts'
export { META } from './headers/meta-keys.ts'
export { ERROR_CODE, isRecognisedModernError } from './headers/error-codes.ts'
export {
  ASSUMED_LEGACY_VERSION,
  isLegacyVersion,
  isModernVersion,
  LEGACY_VERSIONS,
  MODERN_VERSIONS,
} from './headers/protocol-versions.ts'

// Names among those of other servers
export { exposedName } from './names/exposed-name.ts'
export { prefixUri, splitPrefixedUri } from './names/prefixed-uri.ts'
export { contentUris } from './names/content-uris.ts'

// Headers and eras
export { decodeHeaderValue, encodeHeaderValue, HeaderValueError } from './headers/header-value.ts'
export { checkParamHeaders } from './headers/check-param-headers.ts'
export { type MirroredArgument, mirroredArguments, mirroredValue } from './headers/mirrored-arguments.ts'
export { encodeParamHeader, paramHeaderMatches, type ParamHeaderArgument } from './headers/param-header.ts'
export { mirroredName, nameSourceOf, type NameSource } from './headers/name-source.ts'
export { classifyEra, type Era, type HeaderLookup } from './headers/era.ts'
export { checkModernHeaders, type HeaderFault } from './headers/check-modern-headers.ts'

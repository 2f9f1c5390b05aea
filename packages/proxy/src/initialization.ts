import { isJsonObject, type JsonObject, parseJsonObject } from '@mreg/upstream'

/** The protocol version that an answer to `initialize` agrees on; undefined: it opens no session. */
export const protocolVersionIn = (answer: Uint8Array): string | undefined => {
  const result = parseJsonObject(answer)?.['result']
  const version = isJsonObject(result) ? result['protocolVersion'] : undefined
  return typeof version === 'string' ? version : undefined
}

/** What a client says of itself in `initialize`. */
export const declaredBy = (
  body: Uint8Array,
): { readonly clientCapabilities: JsonObject; readonly clientInfo: JsonObject } => {
  const params = parseJsonObject(body)?.['params']
  const { capabilities, clientInfo } = isJsonObject(params) ? params : {}
  return {
    clientCapabilities: isJsonObject(capabilities) ? capabilities : {},
    clientInfo: isJsonObject(clientInfo) ? clientInfo : {},
  }
}

import { isLegacyVersion, LEGACY_VERSIONS, META } from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

/** The extension whose calls outlive their requests. The eras mean different things by it, so it is not passed on. */
const TASKS = 'io.modelcontextprotocol/tasks'

/** What a server can ask of a client in the middle of a call. */
const ABILITIES = ['elicitation', 'sampling', 'roots'] as const

/**
 * The capabilities of a client of the older era in the words of the newer one.
 *
 * @param canAsk whether the client can be asked anything during the request: its answer is a stream.
 */
export const modernCapabilities = (declared: JsonObject, canAsk: boolean): JsonObject => {
  const { tasks: _tasks, extensions, elicitation, roots, ...rest } = declared
  const capabilities: Record<string, unknown> = { ...rest }
  const passed = withoutTasks(extensions)
  if (passed !== undefined) capabilities['extensions'] = passed
  // An empty object meant forms, before there were other ways.
  if (isJsonObject(elicitation))
    capabilities['elicitation'] = Object.keys(elicitation).length === 0 ? { form: {} } : elicitation
  // Whether it tells of changes is of no interest: the newer era has no such message.
  if (isJsonObject(roots)) capabilities['roots'] = {}
  if (!canAsk) for (const ability of ABILITIES) delete capabilities[ability]
  return capabilities
}

/** What a server of the newer era says of itself, as the answer to `initialize`. */
export const initializeResult = (
  discovered: JsonObject,
  requestedVersion: unknown,
  server: { readonly slug: string; readonly version: string | undefined },
): JsonObject => {
  const { capabilities, instructions, _meta: meta } = discovered
  const info = isJsonObject(meta) ? meta[META.serverInfo] : undefined
  const isKnown = typeof requestedVersion === 'string' && isLegacyVersion(requestedVersion)
  return {
    protocolVersion: isKnown ? requestedVersion : LEGACY_VERSIONS[0],
    capabilities: legacyServerCapabilities(isJsonObject(capabilities) ? capabilities : {}),
    serverInfo: isJsonObject(info) ? info : { name: server.slug, version: server.version ?? '0.0.0' },
    ...(typeof instructions === 'string' ? { instructions } : {}),
  }
}

const legacyServerCapabilities = ({ tasks: _tasks, extensions, ...rest }: JsonObject): JsonObject => {
  const passed = withoutTasks(extensions)
  return passed === undefined ? rest : { ...rest, extensions: passed }
}

const withoutTasks = (extensions: unknown): JsonObject | undefined => {
  if (!isJsonObject(extensions)) return undefined
  const { [TASKS]: _tasks, ...rest } = extensions
  return Object.keys(rest).length === 0 ? undefined : rest
}

import type { ScannedMessage } from '../scanned-message.ts'

/** The member of `params` that `Mcp-Name` mirrors. */
export type NameSource = 'name' | 'uri' | 'taskId'

const SOURCE_OF_METHOD: ReadonlyMap<string, NameSource> = new Map<string, NameSource>([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
])

/** Which member of `params` a request with this method mirrors in `Mcp-Name`; undefined when the header is not used. */
export function nameSourceOf(method: string): NameSource | undefined {
  return SOURCE_OF_METHOD.get(method)
}

/** The value that `Mcp-Name` must have for a message; undefined when its method does not use it or it lacks the member. */
export function mirroredName(scanned: ScannedMessage): string | undefined {
  const source = scanned.method === undefined ? undefined : nameSourceOf(scanned.method)
  return source === undefined ? undefined : scanned[source]
}

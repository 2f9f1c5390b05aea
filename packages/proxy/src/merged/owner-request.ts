import {
  encodeHeaderValue,
  findMember,
  HEADER,
  readValue,
  type ScannedMessage,
  type Span,
  spliceMessage,
  splitPrefixedUri,
} from '@mreg/mcp-wire'
import type { CatalogEntry, CatalogView } from '@mreg/registry'

import type { Exchange } from '../exchange.ts'

/** Whose something is. */
export interface Owned {
  readonly slug: string
  /** What the server itself calls it. */
  readonly name: string
}

/** Whose a request is, and what it is there about. */
export interface OwnerOf extends Owned {
  /** Where the request names it. */
  readonly span: Span
}

/** Finds whose a request is, by what it names; undefined when nobody has that, or it names nothing. */
export const ownerOf = (
  body: Uint8Array,
  { method, name, nameSpan, paramsSpan, taskId, taskIdSpan, uri, uriSpan }: ScannedMessage,
  catalog: CatalogView,
): OwnerOf | undefined => {
  if (method === 'tools/call') return ownerOfName('tool', name, nameSpan, catalog)
  if (method === 'prompts/get') return ownerOfName('prompt', name, nameSpan, catalog)
  if (method?.startsWith('tasks/') === true) return at(taskIdSpan, taskId && ownerOfTask(taskId, catalog))
  if (method !== 'completion/complete') return at(uriSpan, uri && ownerOfUri(uri, catalog))
  if (paramsSpan === undefined) return undefined
  const ref = findMember(body, paramsSpan, 'ref')
  if (ref === undefined || body[ref.start] !== 0x7b) return undefined
  const refName = findMember(body, ref, 'name')
  const refUri = findMember(body, ref, 'uri')
  return refUri === undefined
    ? ownerOfName('prompt', textAt(body, refName), refName, catalog)
    : ownerOfTemplate(textAt(body, refUri), refUri, catalog)
}

/** The exchange as the owner is to see it: it speaks of what it owns by its own name. */
export const exchangeWithOwner = (exchange: Exchange, { slug, name, span }: OwnerOf): Exchange => {
  const mirrored = exchange.header(HEADER.name)
  return {
    ...exchange,
    slug,
    body: spliceMessage(exchange.body, [{ span, replacement: JSON.stringify(name) }]),
    header: (header) =>
      header === HEADER.name && mirrored !== undefined ? encodeHeaderValue(name) : exchange.header(header),
  }
}

const ownerOfName = (
  kind: 'tool' | 'prompt',
  exposed: string | undefined,
  span: Span | undefined,
  catalog: CatalogView,
): OwnerOf | undefined => {
  const entry = exposed === undefined ? undefined : catalog.find(kind, exposed)
  return entry && span && owner(entry, entry.definition.name, span)
}

/** Whose a resource is that clients know by `uri`. */
export const ownerOfUri = (uri: string, catalog: CatalogView): Owned | undefined => {
  const entry = catalog.findResource(uri)
  if (entry !== undefined) {
    const { slug } = entry.server
    if (entry.definition.kind === 'resource') return { slug, name: entry.definition.name }
    const isPrefixed = entry.exposed !== entry.definition.name
    return { slug, name: isPrefixed ? (splitPrefixedUri(uri)?.uri ?? uri) : uri }
  }
  // In no list, but in something that a server said.
  return spokenOf(uri, catalog)
}

/** Whose a task is that clients know by `taskId`. Tasks are in no list. */
export const ownerOfTask = spokenOf

function spokenOf(name: string, catalog: CatalogView): Owned | undefined {
  const split = splitPrefixedUri(name)
  if (split === undefined || !catalog.servers.some(({ slug }) => slug === split.owner)) return undefined
  return catalog.mayRead(split.owner, split.uri) ? { slug: split.owner, name: split.uri } : undefined
}

const at = (span: Span | undefined, owned: Owned | '' | undefined): OwnerOf | undefined =>
  span === undefined || owned === undefined || owned === '' ? undefined : { ...owned, span }

const ownerOfTemplate = (
  exposed: string | undefined,
  span: Span,
  catalog: CatalogView,
): OwnerOf | undefined => {
  const entry = exposed === undefined ? undefined : catalog.find('resource_template', exposed)
  return entry === undefined
    ? at(span, exposed && ownerOfUri(exposed, catalog))
    : owner(entry, entry.definition.name, span)
}

const owner = ({ server }: CatalogEntry, name: string, span: Span): OwnerOf => ({
  slug: server.slug,
  name,
  span,
})

const textAt = (body: Uint8Array, span: Span | undefined): string | undefined => {
  const value = span && readValue(body, span)
  return typeof value === 'string' ? value : undefined
}

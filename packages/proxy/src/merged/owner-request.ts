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
import type { CatalogEntry, MergedCatalog } from '@mreg/registry'

import type { Exchange } from '../exchange.ts'

/** Whose a request is, and what it is there about. */
export interface OwnerOf {
  readonly slug: string
  /** What the server itself calls what the request names. */
  readonly name: string
  /** Where the request names it. */
  readonly span: Span
}

/** Finds whose a request is, by what it names; undefined when nobody has that, or it names nothing. */
export const ownerOf = (
  body: Uint8Array,
  { method, name, nameSpan, paramsSpan, uri, uriSpan }: ScannedMessage,
  catalog: MergedCatalog,
): OwnerOf | undefined => {
  if (method === 'tools/call') return ownerOfName('tool', name, nameSpan, catalog)
  if (method === 'prompts/get') return ownerOfName('prompt', name, nameSpan, catalog)
  if (method === 'resources/read') return ownerOfUri(uri, uriSpan, catalog)
  if (method !== 'completion/complete' || paramsSpan === undefined) return undefined
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
  catalog: MergedCatalog,
): OwnerOf | undefined => {
  const entry = exposed === undefined ? undefined : catalog.find(kind, exposed)
  return entry && span && owner(entry, entry.definition.name, span)
}

const ownerOfUri = (
  uri: string | undefined,
  span: Span | undefined,
  catalog: MergedCatalog,
): OwnerOf | undefined => {
  if (uri === undefined || span === undefined) return undefined
  const entry = catalog.findResource(uri)
  if (entry !== undefined) {
    if (entry.definition.kind === 'resource') return owner(entry, entry.definition.name, span)
    const isPrefixed = entry.exposed !== entry.definition.name
    return owner(entry, isPrefixed ? (splitPrefixedUri(uri)?.uri ?? uri) : uri, span)
  }
  // In no list, but in something that a server said.
  const split = splitPrefixedUri(uri)
  return split && { slug: split.owner, name: split.uri, span }
}

const ownerOfTemplate = (
  exposed: string | undefined,
  span: Span,
  catalog: MergedCatalog,
): OwnerOf | undefined => {
  const entry = exposed === undefined ? undefined : catalog.findTemplate(exposed)
  return entry === undefined ? ownerOfUri(exposed, span, catalog) : owner(entry, entry.definition.name, span)
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

import {
  encodeResult,
  findMember,
  type JsonRpcId,
  readValue,
  scanMessage,
  type ScannedMessage,
  spliceMessage,
} from '@mreg/mcp-wire'
import { type CatalogEntry, type CatalogView, CatalogSearch } from '@mreg/registry'
import { isJsonObject, type JsonObject, parseJsonObject } from '@mreg/upstream'

import { ToolShapes } from '../bridge/to-modern/tool-shapes.ts'
import type { Exchange } from '../exchange.ts'
import type { ListedView } from './merged-lists.ts'

/** Tools that are given for one search, at most and when nothing is said. */
const RESULTS = { most: 25, usual: 10 } as const
const MAX_QUERY_LENGTH = 500
/** Of a description in a list of results; all of it is in `describe_tool`. */
const MAX_DESCRIPTION_LENGTH = 300

const NAME = { type: 'string', description: 'The name that find_tool gave.' }

/** The tools that stand in place of all others: to find them, to read about one, to call one. */
const SEARCH_TOOLS: readonly JsonObject[] = [
  {
    name: 'find_tool',
    title: 'Find tools',
    description:
      'Searches all tools that can be called here, by words of their names, descriptions and arguments, and gives those that fit best. Then read describe_tool before calling one with call_tool.',
    inputSchema: {
      type: 'object',
      properties: {
        query: { type: 'string', maxLength: MAX_QUERY_LENGTH, description: 'Words for what is to be done.' },
        limit: { type: 'integer', minimum: 1, maximum: RESULTS.most, default: RESULTS.usual },
      },
      required: ['query'],
      additionalProperties: false,
    },
    outputSchema: {
      type: 'object',
      properties: {
        tools: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              server: { type: 'string' },
              description: { type: 'string' },
            },
            required: ['name', 'server'],
          },
        },
        total: { type: 'integer', description: 'How many tools there are in all.' },
      },
      required: ['tools', 'total'],
    },
    annotations: { readOnlyHint: true, openWorldHint: false },
  },
  {
    name: 'describe_tool',
    title: 'Describe a tool',
    description: 'Gives the whole definition of one tool: what it does and which arguments it takes.',
    inputSchema: {
      type: 'object',
      properties: { name: NAME },
      required: ['name'],
      additionalProperties: false,
    },
    outputSchema: {
      type: 'object',
      properties: { tool: { type: 'object', description: 'As tools/list would give it.' } },
      required: ['tool'],
    },
    annotations: { readOnlyHint: true, openWorldHint: false },
  },
  {
    name: 'call_tool',
    title: 'Call a tool',
    description: 'Calls one tool with the arguments that describe_tool says it takes, and gives its result.',
    inputSchema: {
      type: 'object',
      properties: { name: NAME, arguments: { type: 'object', description: 'The arguments of that tool.' } },
      required: ['name'],
      additionalProperties: false,
    },
    annotations: { destructiveHint: true, openWorldHint: true },
  },
]

const LISTED = SEARCH_TOOLS.map((tool) => ({ bytes: Buffer.from(JSON.stringify(tool)) }))

/** A view whose tools are found by search: in the list there are only those that search. */
export const searchedView = ({ servers }: CatalogView): ListedView => ({
  servers,
  list: () => ({ entries: LISTED, next: undefined }),
})

/** What a call of one of the tools that search comes to: an answer, or the call of another tool. */
export type SearchOutcome =
  | { readonly kind: 'answer'; readonly message: Uint8Array }
  | { readonly kind: 'call'; readonly exchange: Exchange; readonly scanned: ScannedMessage }

/** Searches for tools; each view is indexed once, when it is first searched. */
export class SearchTools {
  readonly #indexes = new WeakMap<CatalogView, CatalogSearch>()
  readonly #maxDepth: number

  /** @param maxDepth deepest nesting of a message. */
  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth
  }

  /** @returns undefined when the call is of no tool that searches. */
  call(
    exchange: Exchange,
    scanned: ScannedMessage,
    view: CatalogView,
    id: JsonRpcId,
  ): SearchOutcome | undefined {
    const { argumentsSpan, name } = scanned
    const given = argumentsSpan && readValue(exchange.body, argumentsSpan)
    const values: JsonObject = isJsonObject(given) ? given : {}
    if (name === 'find_tool') return answer(id, this.#find(values, view))
    if (name === 'describe_tool') return answer(id, describe(values, view))
    return name === 'call_tool' ? this.#callOther(exchange, scanned, values, view, id) : undefined
  }

  #find({ query, limit = RESULTS.usual }: JsonObject, view: CatalogView): JsonObject {
    if (typeof query !== 'string' || query.length > MAX_QUERY_LENGTH)
      return failed(`"query" must be a text of at most ${MAX_QUERY_LENGTH} characters.`)
    if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > RESULTS.most)
      return failed(`"limit" must be a whole number from 1 to ${RESULTS.most}.`)
    const entries = view.entries('tool')
    let index = this.#indexes.get(view)
    if (index === undefined) this.#indexes.set(view, (index = new CatalogSearch(entries)))
    const tools = index.find(query, limit).map((entry) => {
      const description = definitionOf(entry)['description']
      return {
        name: entry.exposed,
        server: entry.server.slug,
        ...(typeof description === 'string' ? { description: shortened(description) } : {}),
      }
    })
    return succeeded({ tools, total: entries.length })
  }

  /** The call of the tool that is named in the arguments: everything else in the request stays as it is. */
  #callOther(
    exchange: Exchange,
    { argumentsSpan, nameSpan }: ScannedMessage,
    { arguments: inner = {}, name }: JsonObject,
    view: CatalogView,
    id: JsonRpcId,
  ): SearchOutcome {
    const entry = typeof name === 'string' ? view.find('tool', name) : undefined
    if (entry === undefined || argumentsSpan === undefined || nameSpan === undefined)
      return answer(id, unknown(name))
    if (!isJsonObject(inner)) return answer(id, failed('"arguments" must be an object.'))
    const { body } = exchange
    const span = findMember(body, argumentsSpan, 'arguments')
    const text = span === undefined ? '{}' : Buffer.from(body.subarray(span.start, span.end)).toString()
    const called = spliceMessage(body, [
      { span: nameSpan, replacement: JSON.stringify(entry.exposed) },
      { span: argumentsSpan, replacement: text },
    ])
    const scanned = scanMessage(called, { maxDepth: this.#maxDepth })
    // The client does not know which arguments the tool wants repeated in headers.
    const shapes = new ToolShapes()
    shapes.learn([definitionOf(entry)])
    const repeated = new Map(
      shapes.headersFor(called, scanned).map(([key, value]) => [key.toLowerCase(), value]),
    )
    return {
      kind: 'call',
      scanned,
      exchange: {
        ...exchange,
        body: called,
        header: (key) => repeated.get(key) ?? exchange.header(key),
        headerNames: [...new Set([...exchange.headerNames, ...repeated.keys()])],
      },
    }
  }
}

const describe = ({ name }: JsonObject, view: CatalogView): JsonObject => {
  const entry = typeof name === 'string' ? view.find('tool', name) : undefined
  return entry === undefined ? unknown(name) : succeeded({ tool: definitionOf(entry) })
}

const unknown = (name: unknown): JsonObject =>
  failed(`Nothing is known as ${JSON.stringify(name ?? '')}; find_tool gives the names that there are.`)

const definitionOf = ({ bytes }: CatalogEntry): JsonObject => parseJsonObject(bytes) ?? {}

const shortened = (text: string): string =>
  text.length <= MAX_DESCRIPTION_LENGTH ? text : `${text.slice(0, MAX_DESCRIPTION_LENGTH).toWellFormed()}…`

const answer = (id: JsonRpcId, result: JsonObject): SearchOutcome => ({
  kind: 'answer',
  message: encodeResult({ id, result }),
})

const succeeded = (structuredContent: JsonObject): JsonObject => ({
  resultType: 'complete',
  content: [{ type: 'text', text: JSON.stringify(structuredContent) }],
  structuredContent,
})

const failed = (text: string): JsonObject => ({
  resultType: 'complete',
  content: [{ type: 'text', text }],
  isError: true,
})

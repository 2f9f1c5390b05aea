import type { ServerResponse } from 'node:http'

import type { Principal } from '@mreg/core'
import { answerJson, eventOf, startHttpUpstream } from '@mreg/testing'
import type { CredentialSource } from '@mreg/upstream'

export const personOf = (id: string): Principal => ({ id, tenantId: 'default', role: 'user', kind: 'key' })

/** Who is logged in; each principal's token is its id. */
export class Logins {
  readonly #people = new Set<string>()

  /** The credentials of servers that are used with a login of one's own. */
  readonly credentials: CredentialSource = {
    headersFor: ({ login }, principalId) =>
      login === 'principal' && principalId !== undefined && this.#people.has(principalId)
        ? [['authorization', `Bearer ${principalId}`]]
        : [],
    scopeFor: ({ login }, principalId) => (login === 'principal' ? principalId : ''),
  }

  add(...ids: readonly string[]): void {
    for (const id of ids) this.#people.add(id)
  }

  remove(id: string): void {
    this.#people.delete(id)
  }
}

/** A server of the newer era that has something else for everybody, and nothing for whoever is not logged in. */
export interface PersonalServer extends AsyncDisposable {
  readonly url: string
  /** Whose requests came, and for what: `ada tools/list`. */
  readonly seen: readonly string[]
  /** Gives a person one more tool, and says that the list has changed, to that person alone. */
  addTool(person: string, name: string): void
  /** Takes nobody's login any more. */
  refuseAll(): void
  /** Tells a person that a resource has changed. */
  update(person: string, uri: string): void
  /** To whom it would say that something has changed. */
  readonly listeners: ReadonlySet<string>
  stop(): Promise<void>
}

interface Listener {
  readonly person: string
  readonly id: unknown
  readonly response: ServerResponse
}

/** Starts one on a free port of 127.0.0.1. */
export const startPersonalServer = async (): Promise<PersonalServer> => {
  const seen: string[] = []
  const added = new Map<string, string[]>()
  const listeners = new Set<Listener>()
  let refusesAll = false
  const upstream = await startHttpUpstream(
    ({ body, headers, rpcId: id, rpcMethod: method = '' }, response) => {
      const person = /^Bearer (\w+)$/u.exec(headers.authorization ?? '')?.[1]
      seen.push(`${person ?? 'nobody'} ${method}`)
      if (person === undefined || refusesAll) return answerJson(response, {}, { status: 401 })
      const { params } = JSON.parse(body)
      if (method === 'subscriptions/listen') {
        const listener = { person, id, response }
        listeners.add(listener)
        response.once('close', () => listeners.delete(listener))
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const acknowledged = { notifications: params.notifications, _meta: subscription(id) }
        response.write(notice('notifications/subscriptions/acknowledged', acknowledged))
        return undefined
      }
      const result = resultOf(person, method, params, added.get(person) ?? [])
      answerJson(
        response,
        result === undefined
          ? { jsonrpc: '2.0', id, error: { code: -32_601, message: 'Method not found' } }
          : { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } },
        { status: result === undefined ? 404 : 200 },
      )
      return undefined
    },
  )
  const tell = (person: string, method: string, params: object = {}): void => {
    for (const { id, person: who, response } of listeners)
      if (who === person) response.write(notice(method, { ...params, _meta: subscription(id) }))
  }
  const stop = (): Promise<void> => upstream.stop()
  return {
    url: upstream.url,
    seen,
    get listeners() {
      return new Set([...listeners].map(({ person }) => person))
    },
    addTool: (person, name) => {
      added.set(person, [...(added.get(person) ?? []), name])
      tell(person, 'notifications/tools/list_changed')
    },
    refuseAll: () => {
      refusesAll = true
    },
    update: (person, uri) => tell(person, 'notifications/resources/updated', { uri }),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

const subscription = (id: unknown): object => ({ 'io.modelcontextprotocol/subscriptionId': id })

const notice = (method: string, params: object): string => eventOf({ jsonrpc: '2.0', method, params })

const resultOf = (
  person: string,
  method: string,
  params: { readonly name?: string; readonly uri?: string },
  added: readonly string[],
): object | undefined => {
  switch (method) {
    case 'server/discover': {
      const listChanged = { listChanged: true }
      const resources = { ...listChanged, subscribe: true }
      const capabilities = { tools: listChanged, prompts: listChanged, resources, completions: {} }
      return { supportedVersions: ['2026-07-28'], capabilities, ...PRIVATE }
    }
    case 'tools/list':
      return {
        tools: ['common', `${person}_only`, ...added].map((name) => ({ name, inputSchema })),
        ...PRIVATE,
      }
    case 'prompts/list':
      return { prompts: [{ name: `${person}_prompt` }], ...PRIVATE }
    case 'resources/list':
      return { resources: [{ uri: `personal://${person}/notes`, name: 'notes' }], ...PRIVATE }
    case 'resources/templates/list':
      return { resourceTemplates: [{ uriTemplate: `own-${person}://{id}`, name: 'by id' }], ...PRIVATE }
    case 'tools/call':
      return { content: [{ type: 'text', text: `${params.name} for ${person}` }] }
    case 'resources/read':
      return { contents: [{ uri: params.uri, text: `of ${person}` }], ...PRIVATE }
    case 'completion/complete':
      return { completion: { values: [person] } }
    default:
      return undefined
  }
}

const PRIVATE = { ttlMs: 0, cacheScope: 'private' }
const inputSchema = { type: 'object' }

import { randomBytes } from 'node:crypto'

import {
  createRequestStateCodec,
  LOG_LEVEL_META_KEY,
  CLIENT_CAPABILITIES_META_KEY,
  McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'

import {
  type Announcement,
  type ClientQuestion,
  type FeatureContext,
  FeatureError,
  INVALID_PARAMS,
  isJson,
  type Json,
  LOG_LEVELS,
  MISSING_CAPABILITY,
} from './feature.ts'
import { type Features, MODERN_CAPABILITIES, SERVER_INFO } from './features.ts'

const ANY_OBJECT = z.looseObject({})

/** Methods that the SDK knows from the legacy era, and takes in this one only with a schema of their own. */
const REUSED_METHODS = ['tasks/get', 'tasks/update', 'tasks/cancel'] as const

const isReused = (name: string): boolean => REUSED_METHODS.some((reused) => reused === name)

/** Thrown through a feature: the call ends here and is sent again with the answers. */
class InputRequired extends Error {
  readonly questions: Readonly<Record<string, ClientQuestion>>
  readonly answers: Readonly<Record<string, Json>>

  constructor(questions: Readonly<Record<string, ClientQuestion>>, answers: Readonly<Record<string, Json>>) {
    super('input is required')
    this.questions = questions
    this.answers = answers
  }
}

const codec = createRequestStateCodec<Readonly<Record<string, Json>>>({
  key: randomBytes(32),
  bind: ({ mcpReq }) => mcpReq.method,
})

/** A server of the modern era for one request, on SDK v2. Payloads go in and out as they are. */
export class ModernSide extends McpServer {
  readonly #features: Features
  readonly #announce: (announcement: Announcement) => void

  /** @param method - the method of the only request, so that an unknown one is refused with its status; undefined: takes all */
  constructor(
    features: Features,
    announce: (announcement: Announcement) => void,
    method: string | undefined,
  ) {
    super(SERVER_INFO, { capabilities: MODERN_CAPABILITIES })
    this.#features = features
    this.#announce = announce
    const { server } = this
    for (const name of REUSED_METHODS) {
      server.setRequestHandler(name, { params: ANY_OBJECT }, async (params, context) =>
        // The SDK takes the answers out of the parameters, also of the method to which they belong.
        this.#answer(name, { ...params, inputResponses: context.mcpReq.inputResponses }, context),
      )
    }
    // The SDK's own would drop what their schemas do not know.
    for (const name of features.methods) if (!isReused(name)) server.removeRequestHandler(name)
    if (method !== undefined && !features.has(method, 'modern')) return
    server.fallbackRequestHandler = async ({ method: asked, params = {} }, context) =>
      this.#answer(asked, params, context)
  }

  /** For the SDK's check of `Mcp-Param-*`. */
  override toolInputSchemaJson(name: string): Record<string, unknown> | undefined {
    return this.#features.inputSchemaOf(name)
  }

  /** Tells the one client of a connection, if it listens. */
  async hear(announcement: Announcement): Promise<void> {
    const { server } = this
    if (announcement.kind === 'tools') await server.sendToolListChanged()
    if (announcement.kind === 'prompts') await server.sendPromptListChanged()
    if (announcement.kind === 'resources') await server.sendResourceListChanged()
    if (announcement.kind === 'updated') await server.sendResourceUpdated({ uri: announcement.uri })
  }

  async #answer(method: string, params: Json, context: ServerContext): Promise<Json> {
    const raw = context.mcpReq.requestState<string>()
    const kept = raw === undefined ? {} : await opened(raw, context)
    try {
      return await this.#features.answer(method, params, this.#contextOf(kept, context))
    } catch (error) {
      if (!(error instanceof InputRequired)) throw error
      const requestState = await codec.mint(error.answers, context)
      return { resultType: 'input_required', inputRequests: error.questions, requestState }
    }
  }

  #contextOf(kept: Readonly<Record<string, Json>>, { mcpReq }: ServerContext): FeatureContext {
    const { _meta: meta } = mcpReq
    const envelope: Json = { ...mcpReq.envelope }
    const level = LOG_LEVELS.find((name) => name === envelope[LOG_LEVEL_META_KEY])
    const declared = envelope[CLIENT_CAPABILITIES_META_KEY]
    const clientCapabilities: Json = isJson(declared) ? declared : {}
    const progressToken = meta?.progressToken
    const answers = { ...kept }
    const notify = async (method: string, content: Json): Promise<void> => {
      await mcpReq.notify({ method, params: { ...content } })
    }
    return {
      era: 'modern',
      signal: mcpReq.signal,
      clientCapabilities,
      subscriptions: new Set(),
      closeStream: undefined,
      announce: this.#announce,
      notify,
      progress: async (progress, total) => {
        if (progressToken !== undefined)
          await notify('notifications/progress', { progressToken, progress, total })
      },
      log: async (wanted, data) => {
        if (level === undefined || LOG_LEVELS.indexOf(wanted) < LOG_LEVELS.indexOf(level)) return
        await notify('notifications/message', { level: wanted, logger: SERVER_INFO.name, data })
      },
      ask: async (questions) =>
        answersOf(questions, clientCapabilities, answers, mcpReq.inputResponses ?? {}),
    }
  }
}

const opened = async (state: string, context: ServerContext): Promise<Readonly<Record<string, Json>>> => {
  try {
    return await codec.verify(state, context)
  } catch {
    throw new FeatureError(INVALID_PARAMS, 'Invalid or expired requestState')
  }
}

/**
 * The answers to all questions; those that are given now are added to those of earlier rounds.
 * @throws InputRequired when some are missing
 */
const answersOf = (
  questions: Readonly<Record<string, ClientQuestion>>,
  clientCapabilities: Json,
  answers: Record<string, Json>,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, Json>> => {
  const missing: Record<string, ClientQuestion> = {}
  for (const [key, question] of Object.entries(questions)) {
    const [capability = ''] = question.method.split('/')
    if (!(capability in clientCapabilities)) {
      const requiredCapabilities = { [capability]: {} }
      throw new FeatureError(MISSING_CAPABILITY, `The client has no ${capability}`, { requiredCapabilities })
    }
    const answer = given[key]
    if (isJson(answer)) answers[key] = answer
    else if (answers[key] === undefined) missing[key] = question
  }
  if (Object.keys(missing).length > 0) throw new InputRequired(missing, answers)
  return answers
}

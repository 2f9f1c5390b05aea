import { ASKING_TOOLS, ROUND_TRIP_TOOLS } from './asking-tools.ts'
import { CANCEL_TOOLS } from './cancel-tools.ts'
import { CONTENT_TOOLS } from './content-tools.ts'
import {
  type FeatureContext,
  FeatureError,
  type FeatureTool,
  INVALID_PARAMS,
  isJson,
  type Json,
} from './feature.ts'
import { complete, getPrompt, listPrompts } from './prompts.ts'
import { listResources, listResourceTemplates, readResource } from './resources.ts'
import { getSkill, listSkills, readSkillDirectory } from './skills.ts'
import { STREAM_TOOLS } from './stream-tools.ts'
import { TaskStore } from './task-store.ts'
import { expectTasks, TASKS_EXTENSION, taskTools } from './task-tools.ts'

/** One tool execution, as the server saw it. */
export interface FeatureExecution {
  readonly tool: string
  readonly arguments: Json
  readonly era: 'legacy' | 'modern'
}

/** Everything that the server can do, whatever the era and the transport. */
export class Features {
  readonly tasks = new TaskStore()
  readonly #tools: readonly FeatureTool[]
  readonly #executions: FeatureExecution[] = []
  readonly #methods: ReadonlyMap<string, (params: Json, context: FeatureContext) => Promise<Json> | Json>

  constructor() {
    this.#tools = [
      ...CONTENT_TOOLS,
      ...ASKING_TOOLS,
      ...ROUND_TRIP_TOOLS,
      ...STREAM_TOOLS,
      ...CANCEL_TOOLS,
      ...taskTools(this.tasks),
    ]
    this.#methods = new Map(Object.entries(this.#handlers()))
  }

  /** Every tool execution since the start, in order. A call that is asked for answers counts once a round. */
  get executions(): readonly FeatureExecution[] {
    return this.#executions
  }

  /** Every method that is answered in one of the eras. */
  get methods(): readonly string[] {
    return [...this.#methods.keys()]
  }

  /** Whether the method belongs to the era. */
  has(method: string, era: 'legacy' | 'modern'): boolean {
    const isLegacyOnly = method === 'resources/subscribe' || method === 'resources/unsubscribe'
    const isModernOnly = /^(?:tasks|skills)\/|^resources\/directory\/|^com\.example\/modern/u.test(method)
    return this.#methods.has(method) && !(era === 'modern' ? isLegacyOnly : isModernOnly)
  }

  /** Answers a request. @throws FeatureError */
  async answer(method: string, params: Json, context: FeatureContext): Promise<Json> {
    const handler = this.has(method, context.era) ? this.#methods.get(method) : undefined
    if (handler === undefined) throw new FeatureError(-32_601, 'Method not found')
    return handler(params, context)
  }

  /** The input schema of a tool, undefined when there is no such tool. */
  inputSchemaOf(name: string): Json | undefined {
    const schema = this.#tools.find(({ definition }) => definition.name === name)?.definition['inputSchema']
    return isJson(schema) ? schema : undefined
  }

  #handlers(): Record<string, (params: Json, context: FeatureContext) => Promise<Json> | Json> {
    return {
      'tools/list': (_params, { era }) => ({ tools: this.#toolsOf(era).map(({ definition }) => definition) }),
      'tools/call': async (params, context) => this.#call(params, context),
      'prompts/list': listPrompts,
      'prompts/get': getPrompt,
      'completion/complete': complete,
      'resources/list': listResources,
      'resources/templates/list': listResourceTemplates,
      'resources/read': ({ uri }, { era }) => readResource(String(uri), era),
      'resources/subscribe': ({ uri }, { subscriptions }) => {
        subscriptions.add(String(uri))
        return {}
      },
      'resources/unsubscribe': ({ uri }, { subscriptions }) => {
        subscriptions.delete(String(uri))
        return {}
      },
      'tasks/get': (params, context) => {
        expectTasks(context)
        return this.tasks.get(params)
      },
      'tasks/update': (params, context) => {
        expectTasks(context)
        return this.tasks.update(params)
      },
      'tasks/cancel': (params, context) => {
        expectTasks(context)
        return this.tasks.cancel(params)
      },
      'skills/list': listSkills,
      'skills/get': getSkill,
      'resources/directory/read': readSkillDirectory,
      'com.example/mirror': (params) => ({ mirrored: params }),
    }
  }

  #toolsOf(era: 'legacy' | 'modern'): readonly FeatureTool[] {
    return this.#tools.filter((one) => one.era === undefined || one.era === era)
  }

  async #call(params: Json, context: FeatureContext): Promise<Json> {
    const { name } = params
    const found = this.#toolsOf(context.era).find(({ definition }) => definition.name === name)
    if (found === undefined) throw new FeatureError(INVALID_PARAMS, `Unknown tool: ${String(name)}`)
    const input = isJson(params['arguments']) ? params['arguments'] : {}
    this.#executions.push({ tool: found.definition.name, arguments: input, era: context.era })
    return found.call(input, context)
  }
}

const SHARED = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
} as const

/** What the server declares in the legacy era. */
export const LEGACY_CAPABILITIES = { ...SHARED, logging: {} } as const

/** What the server declares in the modern era. */
export const MODERN_CAPABILITIES = {
  ...SHARED,
  logging: {},
  extensions: { [TASKS_EXTENSION]: {}, 'io.modelcontextprotocol/skills': { directoryRead: true } },
} as const

export const SERVER_INFO = { name: 'dual-era', version: '1.0.0' } as const

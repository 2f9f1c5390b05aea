import { randomUUID } from 'node:crypto'

import { type ClientQuestion, FeatureError, INVALID_PARAMS, isJson, type Json } from './feature.ts'

/** What the work of a task may do. */
export interface TaskWork {
  /** Aborted when the task was cancelled. */
  readonly signal: AbortSignal
  /** Waits until the client has answered every question, and gives its answers by key. */
  readonly ask: (
    questions: Readonly<Record<string, ClientQuestion>>,
  ) => Promise<Readonly<Record<string, Json>>>
}

interface Task {
  readonly facts: { readonly taskId: string; readonly createdAt: string }
  readonly controller: AbortController
  readonly questions: Map<string, { readonly question: ClientQuestion; answer(answer: Json): void }>
  lastUpdatedAt: string
  /** What has become of it; undefined while it runs. */
  end:
    | { readonly status: 'completed'; readonly result: Json }
    | { readonly status: 'failed'; readonly error: Json }
    | { readonly status: 'cancelled' }
    | undefined
}

const TTL_MS = 600_000
const POLL_INTERVAL_MS = 100
const MAX_TASKS = 10_000

/** The tasks of one server (extension `io.modelcontextprotocol/tasks`): in memory, the oldest are forgotten. */
export class TaskStore {
  readonly #tasks = new Map<string, Task>()

  /** Starts a task and gives the result that announces it. */
  create(work: (task: TaskWork) => Promise<Json>): Json {
    const now = new Date().toISOString()
    const task: Task = {
      facts: { taskId: randomUUID(), createdAt: now },
      controller: new AbortController(),
      questions: new Map(),
      lastUpdatedAt: now,
      end: undefined,
    }
    const [oldest] = this.#tasks.keys()
    if (this.#tasks.size >= MAX_TASKS && oldest !== undefined) this.#tasks.delete(oldest)
    this.#tasks.set(task.facts.taskId, task)
    const ask: TaskWork['ask'] = (questions) => askClient(task, questions)
    work({ signal: task.controller.signal, ask }).then(
      (result) => end(task, { status: 'completed', result }),
      (error: unknown) => {
        if (task.controller.signal.aborted) return end(task, { status: 'cancelled' })
        const message = error instanceof Error ? error.message : String(error)
        return end(task, { status: 'failed', error: { code: -32_603, message } })
      },
    )
    return { resultType: 'task', ...describe(task) }
  }

  /** `tasks/get`. */
  get(params: Json): Json {
    const task = this.#find(params)
    const { end: ended, questions } = task
    const inputRequests = Object.fromEntries([...questions].map(([key, { question }]) => [key, question]))
    return {
      resultType: 'complete',
      ...describe(task),
      ...(ended?.status === 'completed' ? { result: ended.result } : {}),
      ...(ended?.status === 'failed' ? { error: ended.error } : {}),
      ...(ended === undefined && questions.size > 0 ? { inputRequests } : {}),
    }
  }

  /** `tasks/update`: takes answers; what nobody asked is ignored. */
  update(params: Json): Json {
    const task = this.#find(params)
    const answers = isJson(params['inputResponses']) ? params['inputResponses'] : {}
    for (const [key, answer] of Object.entries(answers)) {
      if (!isJson(answer)) continue
      task.questions.get(key)?.answer(answer)
    }
    return { resultType: 'complete' }
  }

  /** `tasks/cancel`. */
  cancel(params: Json): Json {
    this.#find(params).controller.abort()
    return { resultType: 'complete' }
  }

  /** Cancels whatever still runs. */
  close(): void {
    for (const { controller } of this.#tasks.values()) controller.abort()
  }

  #find({ taskId }: Json): Task {
    const task = this.#tasks.get(String(taskId))
    if (task === undefined) throw new FeatureError(INVALID_PARAMS, 'Task not found', { taskId })
    return task
  }
}

const end = (task: Task, how: NonNullable<Task['end']>): void => {
  task.questions.clear()
  task.end ??= how
  task.lastUpdatedAt = new Date().toISOString()
}

const describe = ({ facts, lastUpdatedAt, questions, end: ended }: Task): Json => ({
  ...facts,
  status: ended?.status ?? (questions.size > 0 ? 'input_required' : 'working'),
  lastUpdatedAt,
  ttlMs: TTL_MS,
  pollIntervalMs: POLL_INTERVAL_MS,
})

const askClient = async (
  task: Task,
  questions: Readonly<Record<string, ClientQuestion>>,
): Promise<Readonly<Record<string, Json>>> => {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  task.controller.signal.addEventListener('abort', () => reject(new Error('cancelled')), { once: true })
  const answers = Object.entries(questions).map(async ([key, question]) => {
    const { promise, resolve } = Promise.withResolvers<Json>()
    task.questions.set(key, {
      question,
      answer: (answer) => {
        task.questions.delete(key)
        task.lastUpdatedAt = new Date().toISOString()
        resolve(answer)
      },
    })
    return [key, await promise] as const
  })
  return Object.fromEntries(await Promise.race([Promise.all(answers), aborted]))
}

import { setTimeout as delay } from 'node:timers/promises'

import { elicit, fieldOf } from './asking-tools.ts'
import {
  type FeatureContext,
  FeatureError,
  type FeatureTool,
  isJson,
  type Json,
  MISSING_CAPABILITY,
  text,
  tool,
} from './feature.ts'
import type { TaskStore } from './task-store.ts'

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks'

const takesTasks = ({ clientCapabilities }: FeatureContext): boolean => {
  const { extensions } = clientCapabilities
  return isJson(extensions) && TASKS_EXTENSION in extensions
}

/** @throws FeatureError when the client does not know the tasks extension */
export const expectTasks = (context: FeatureContext): void => {
  if (takesTasks(context)) return
  throw new FeatureError(MISSING_CAPABILITY, 'The tasks extension is needed', {
    requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } },
  })
}

const CONFIRM = { confirm: { type: 'boolean' } }

/** A tool that only answers with a task. */
const required = (
  name: string,
  description: string,
  call: FeatureTool['call'],
  properties: Json = {},
): FeatureTool => ({
  ...tool(
    name,
    description,
    (input, context) => {
      expectTasks(context)
      return call(input, context)
    },
    properties,
  ),
  era: 'modern',
})

/** Tools whose work is a task (modern era, extension `io.modelcontextprotocol/tasks`). */
export const taskTools = (store: TaskStore): readonly FeatureTool[] => {
  return [
    tool(
      'slow_compute',
      'Computes for so many seconds; as a task for those who know them.',
      async ({ seconds, label }, context) => {
        const compute = async (signal: AbortSignal): Promise<Json> => {
          await delay(Number(seconds) * 1000, undefined, { signal })
          return text(`computed ${String(label)}`)
        }
        return takesTasks(context)
          ? store.create(async ({ signal }) => compute(signal))
          : compute(context.signal)
      },
      { seconds: { type: 'number', minimum: 0 }, label: { type: 'string' } },
      ['seconds'],
    ),
    required('failing_job', 'A task that ends with an error of the tool.', () =>
      store.create(async ({ signal }) => {
        await delay(200, undefined, { signal })
        return { isError: true, ...text('the job has failed') }
      }),
    ),
    required('protocol_error_job', 'A task that breaks.', () =>
      store.create(async () => {
        await delay(100)
        throw new Error('the server broke')
      }),
    ),
    required(
      'confirm_delete',
      'A task that asks before it deletes.',
      ({ filename }) =>
        store.create(async ({ ask }) => {
          const { confirm } = await ask({ confirm: elicit(`Delete ${String(filename)}?`, CONFIRM) })
          return text(`confirmed: ${fieldOf(confirm, 'confirm')}`)
        }),
      { filename: { type: 'string' } },
    ),
    required('multi_input', 'A task that asks two things at once.', () =>
      store.create(async ({ ask }) => {
        const answers = await ask({ first: elicit('First?', CONFIRM), second: elicit('Second?', CONFIRM) })
        return text(Object.keys(answers).join(', '))
      }),
    ),
    required('test_tool_with_task', 'Asks first, then works as a task.', async (_input, { ask }) => {
      const question = elicit('What is your name?', { name: { type: 'string' } }, ['name'])
      const { user_name: answer } = await ask({ user_name: question })
      return store.create(async () => text(`Hello, ${fieldOf(answer, 'name')}!`))
    }),
  ]
}

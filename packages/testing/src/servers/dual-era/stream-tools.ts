import { setTimeout as delay } from 'node:timers/promises'

import { type FeatureContext, type FeatureTool, text, tool } from './feature.ts'

/** Waits, or not so long if the call is cancelled. Rejects then. */
const pause = (ms: number, { signal }: FeatureContext): Promise<void> => delay(ms, undefined, { signal })

const MILLISECONDS = { type: 'number', minimum: 0, maximum: 600_000 }

/** Tools that take their time, and say something meanwhile. */
export const STREAM_TOOLS: readonly FeatureTool[] = [
  tool('test_tool_with_logging', 'Writes three lines to the log.', async (_input, context) => {
    await context.log('info', 'Tool execution started')
    await pause(50, context)
    await context.log('info', 'Tool processing data')
    await pause(50, context)
    await context.log('info', 'Tool execution completed')
    return text('Tool with logging executed successfully')
  }),
  tool('test_logging_tool', 'Writes a line to the log.', async (_input, context) => {
    await context.log('info', 'one line')
    return text('logged')
  }),
  tool('test_tool_with_progress', 'Reports its progress.', async (_input, context) => {
    await context.progress(0, 100)
    await pause(50, context)
    await context.progress(50, 100)
    await pause(50, context)
    await context.progress(100, 100)
    return text('Tool with progress executed successfully')
  }),
  tool('test_reconnection', 'Ends its stream before its answer.', async (_input, context) => {
    context.closeStream?.()
    await pause(100, context)
    return text('Reconnection test completed successfully')
  }),
  tool(
    'slow_stream',
    'Reports progress for each step, with a pause before it.',
    async ({ steps, stepMs }, context) => {
      for (let step = 1; step <= Number(steps); step += 1) {
        await pause(Number(stepMs), context)
        await context.progress(step, Number(steps))
      }
      return text(`took ${String(steps)} steps`)
    },
    { steps: { type: 'integer', minimum: 1, maximum: 10_000 }, stepMs: MILLISECONDS },
    ['steps', 'stepMs'],
  ),
  tool(
    'slow_silence',
    'Says nothing until it answers.',
    async ({ ms }, context) => {
      await pause(Number(ms), context)
      return text('at last')
    },
    { ms: MILLISECONDS },
    ['ms'],
  ),
  tool('test_trigger_tool_change', 'Says that the tools have changed.', (_input, { announce }) => {
    announce({ kind: 'tools' })
    return text('announced')
  }),
  tool('test_trigger_prompt_change', 'Says that the prompts have changed.', (_input, { announce }) => {
    announce({ kind: 'prompts' })
    return text('announced')
  }),
  tool('test_trigger_resource_change', 'Says that the resources have changed.', (_input, { announce }) => {
    announce({ kind: 'resources' })
    return text('announced')
  }),
  tool(
    'test_touch_resource',
    'Says that a resource was updated.',
    ({ uri }, { announce }) => {
      announce({ kind: 'updated', uri: String(uri) })
      return text('announced')
    },
    { uri: { type: 'string' } },
    ['uri'],
  ),
]

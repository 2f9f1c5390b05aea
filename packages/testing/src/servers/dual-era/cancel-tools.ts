import { setTimeout as delay } from 'node:timers/promises'

import { type FeatureTool, text, tool } from './feature.ts'

/** How long a call waits that nobody cancels, in milliseconds. */
const LONGEST_MS = 60_000

const LABEL = { label: { type: 'string' } }

/** Labels of the calls that were cancelled in this process. */
const cancelled = new Set<string>()

/** Tools that tell whether the server has heard that a call was cancelled. */
export const CANCEL_TOOLS: readonly FeatureTool[] = [
  tool(
    'wait_until_cancelled',
    'Reports progress once, then waits until it is cancelled.',
    async ({ label }, { progress, signal }) => {
      await progress(1, 2)
      await delay(LONGEST_MS, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) cancelled.add(String(label))
      return text('over')
    },
    LABEL,
    ['label'],
  ),
  tool(
    'was_cancelled',
    'Tells whether the call with that label was cancelled.',
    ({ label }) => text(String(cancelled.has(String(label)))),
    LABEL,
    ['label'],
  ),
]

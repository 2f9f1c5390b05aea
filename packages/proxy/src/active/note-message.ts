import type { ScannedMessage } from '@mreg/mcp-wire'

import type { Exchange } from '../exchange.ts'

/** Writes down what a request is about, once that is read. */
export const noteMessage = ({ active, slug }: Exchange, { method, name }: ScannedMessage): void => {
  if (active === undefined) return
  active.server = slug
  active.method = method ?? 'response'
  active.tool = method === 'tools/call' ? name : undefined
}

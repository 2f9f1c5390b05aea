import type { Tool } from '@modelcontextprotocol/sdk/types.js'

import { CommandFailure } from '../command-failure.ts'
import { nearestName } from './nearest-name.ts'

/**
 * The tool of that name.
 *
 * @throws {CommandFailure} `tool_not_found`, with the name that is most like it.
 */
export const requireTool = (tools: readonly Tool[], name: string, server: string): Tool => {
  const tool = tools.find((candidate) => candidate.name === name)
  if (tool !== undefined) return tool
  const nearest = nearestName(
    name,
    tools.map((candidate) => candidate.name),
  )
  throw new CommandFailure('tool_not_found', `${server} has no tool ${JSON.stringify(name)}`, {
    hints: [
      ...(nearest === undefined ? [] : [`Did you mean ${nearest}?`]),
      `See what it has with: mreg tools ${server}`,
    ],
  })
}

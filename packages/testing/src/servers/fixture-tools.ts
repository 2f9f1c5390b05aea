import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'

/** One tool execution, as the server saw it. */
export interface ToolExecution {
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
  readonly sessionId: string | undefined
}

/** What the tools report to, and wait for. */
export interface FixtureStage {
  readonly record: (execution: ToolExecution) => void
  /** Resolves when the test lets the held calls go. */
  readonly released: () => Promise<void>
}

/** An MCP server with one of everything that a client asks for; what it answers is in the tool descriptions. */
export function createFixtureMcpServer(name: string, stage: FixtureStage): McpServer {
  const server = new McpServer({ name, version: '1.0.0' }, { capabilities: { logging: {} } })

  server.registerTool(
    'echo',
    {
      description: 'Answers with the message.',
      inputSchema: { message: z.string() },
      annotations: { readOnlyHint: true },
    },
    ({ message }, { sessionId }) => {
      stage.record({ tool: 'echo', arguments: { message }, sessionId })
      return { content: [{ type: 'text', text: message }] }
    },
  )

  server.registerTool(
    'count',
    {
      description: 'Reports progress for each step, with a pause before it.',
      inputSchema: { steps: z.number().int().min(1).max(1000), stepMs: z.number().min(0).max(60_000) },
    },
    async ({ steps, stepMs }, { sessionId, signal, sendNotification, _meta }) => {
      stage.record({ tool: 'count', arguments: { steps, stepMs }, sessionId })
      for (let step = 1; step <= steps && !signal.aborted; step += 1) {
        await new Promise((resolve) => setTimeout(resolve, stepMs))
        await reportProgress(sendNotification, _meta?.progressToken, step, steps)
      }
      return { content: [{ type: 'text', text: `counted to ${steps}` }] }
    },
  )

  server.registerTool(
    'hold',
    { description: 'Reports progress 1 of 2, then answers only when the test releases it.', inputSchema: {} },
    async (_input, { sessionId, signal, sendNotification, _meta }) => {
      stage.record({ tool: 'hold', arguments: {}, sessionId })
      await reportProgress(sendNotification, _meta?.progressToken, 1, 2)
      const aborted = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      await Promise.race([stage.released(), aborted])
      return { content: [{ type: 'text', text: 'released' }] }
    },
  )

  server.registerTool(
    'fail',
    { description: 'Answers with a result that is an error.', inputSchema: { reason: z.string() } },
    ({ reason }, { sessionId }) => {
      stage.record({ tool: 'fail', arguments: { reason }, sessionId })
      return { isError: true, content: [{ type: 'text', text: reason }] }
    },
  )

  server.registerResource('greeting', 'fixture://greeting', { mimeType: 'text/plain' }, (uri) => ({
    contents: [{ uri: uri.href, mimeType: 'text/plain', text: `hello from ${name}` }],
  }))

  server.registerPrompt(
    'introduce',
    { description: 'Asks for an introduction.', argsSchema: { who: z.string() } },
    ({ who }) => ({
      messages: [{ role: 'user', content: { type: 'text', text: `Introduce ${who}.` } }],
    }),
  )

  return server
}

type SendNotification = (notification: {
  method: 'notifications/progress'
  params: { progressToken: string | number; progress: number; total: number }
}) => Promise<void>

async function reportProgress(
  sendNotification: SendNotification,
  progressToken: string | number | undefined,
  progress: number,
  total: number,
): Promise<void> {
  if (progressToken === undefined) return
  await sendNotification({
    method: 'notifications/progress',
    params: { progressToken, progress, total },
  })
}

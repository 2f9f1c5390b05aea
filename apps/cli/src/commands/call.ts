import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'

import { type Command, InvalidArgumentError } from 'commander'
import * as z from 'zod'

import { usageFailure } from '../command-failure.ts'
import { connectToGateway, contextOf } from '../context.ts'
import { EXIT_CODE } from '../exit-code.ts'
import { requireTool } from '../mcp/require-tool.ts'
import { toolArguments } from '../mcp/tool-arguments.ts'
import { examplesHelp } from '../output/examples.ts'
import { printable } from '../output/printable.ts'

interface CallOptions {
  readonly arg: readonly string[]
  readonly jsonArgs?: string
  readonly timeout: number
}

/** `mreg call NAME TOOL`: calls a tool of a server. */
export const registerCall = (program: Command): void => {
  program
    .command('call')
    .summary('call a tool of a server')
    .description(
      'Calls a tool through the gateway, as an MCP client does, and prints what it answers. The exit code is 1 when the tool reports an error.',
    )
    .argument('<name>', 'the name of the server')
    .argument('<tool>', 'the name of the tool')
    .option(
      '-a, --arg <name=value>',
      'an argument; may be given several times; numbers, lists and objects as the tool wants them',
      collect,
      [],
    )
    .option(
      '--json-args <json>',
      'all arguments as one JSON object; @FILE reads a file, - reads standard input',
    )
    .option('--timeout <seconds>', 'how long to wait for the answer', seconds, 900)
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg call everything echo --arg message=hello', 'text'],
        ['mreg call everything get-sum --arg a=2 --arg b=3', 'numbers are seen from what the tool takes'],
        [`mreg call everything get-sum --json-args '{"a":2,"b":3}'`, 'arguments as JSON'],
        [
          'mreg call everything echo --arg message=hello --json | jq .content',
          'the whole answer, for a script',
        ],
      ]),
    )
    .action(async (name: string, toolName: string, options: CallOptions, command: Command) => {
      const context = contextOf(command)
      const { output } = context
      const given = options.jsonArgs === undefined ? undefined : await jsonArguments(options.jsonArgs)
      const { gateway } = await connectToGateway(context)
      const [{ McpSession }, { toolResultText }] = await Promise.all([
        import('../mcp/mcp-session.ts'),
        import('../mcp/tool-result-text.ts'),
      ])
      const result = await output.during(`calling ${toolName} of ${name}`, async (progress) => {
        await using session = await McpSession.open(name, gateway)
        const tool = requireTool(await session.listTools(), toolName, name)
        return await session.callTool(
          tool.name,
          { ...given, ...toolArguments(options.arg, tool.inputSchema) },
          {
            timeoutMs: options.timeout * 1000,
            onProgress: ({ progress: done, total, message }) => {
              const amount = total === undefined ? String(done) : `${done} of ${total}`
              progress.update(
                `calling ${toolName} of ${name}: ${amount}${message === undefined ? '' : `, ${printable(message)}`}`,
              )
            },
          },
        )
      })
      output.result(result, () => toolResultText(result))
      if (result.isError === true) {
        if (!output.json) output.note(`${toolName} reports an error (above).`)
        process.exitCode = EXIT_CODE.failed
      }
    })
}

const argumentsSchema = z.record(z.string(), z.unknown())

const jsonArguments = async (source: string): Promise<Record<string, unknown>> => {
  const content =
    source === '-'
      ? await text(process.stdin)
      : source.startsWith('@')
        ? await readFile(source.slice(1), 'utf8').catch((error: unknown) => {
            throw usageFailure(`--json-args: cannot read ${source.slice(1)}: ${String(error)}`)
          })
        : source
  try {
    return argumentsSchema.parse(JSON.parse(content))
  } catch {
    throw usageFailure('--json-args must be a JSON object', `For example: --json-args '{"message":"hello"}'`)
  }
}

const seconds = (typed: string): number => {
  const value = Number(typed)
  if (Number.isFinite(value) && value > 0 && value <= 86_400) return value
  throw new InvalidArgumentError('It is a number of seconds, at most 86400.')
}

const collect = (word: string, before: readonly string[]): string[] => [...before, word]

import type { Tool } from '@modelcontextprotocol/sdk/types.js'
import type { Command } from 'commander'

import { type Context, connectToGateway, contextOf } from '../context.ts'
import { isJsonObject } from '../json-object.ts'
import { requireTool } from '../mcp/require-tool.ts'
import { examplesHelp } from '../output/examples.ts'
import { limitText, offerOf, offerText } from '../output/offer-text.ts'
import { printable, printableLines } from '../output/printable.ts'
import { decideTools, isDecided, reviewTools, type ToolDecisions } from './tool-review.ts'

interface ToolsOptions extends ToolDecisions {
  readonly review?: boolean
}

/** `mreg tools NAME [TOOL]`: the tools of a server, or all about one of them. */
export const registerTools = (program: Command): void => {
  program
    .command('tools')
    .summary('list the tools of a server')
    .description('Asks a server, through the gateway, which tools it has; or shows what one of them takes.')
    .argument('<name>', 'the name of the server, or a toolset as sets/NAME')
    .argument('[tool]', 'a tool, to see what it takes')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg tools everything', 'all its tools'],
        ['mreg tools everything echo', 'what the tool echo takes'],
        ['mreg tools everything --off get-env', 'nobody sees or calls get-env; --on takes that back'],
        ['mreg tools everything --review', 'what has changed, is switched off, or stands out'],
        ['mreg tools everything --approve echo', 'what echo says of itself now is right'],
      ]),
    )
    .option('--review', 'show what waits for an approval, is switched off, or stands out')
    .option('--off <tool...>', 'switch tools off')
    .option('--on <tool...>', 'switch tools on again')
    .option('--approve <tool...>', 'approve tools as they are now')
    .action(async (name: string, toolName: string | undefined, options: ToolsOptions, command: Command) => {
      const context = contextOf(command)
      const { output } = context
      if (isDecided(options)) return decideTools(name, options, context)
      if (options.review === true) return reviewTools(name, context)
      const tools = await toolsOf(name, context)
      if (toolName !== undefined) {
        const tool = requireTool(tools, toolName, name)
        output.result(tool, () => toolDetails(tool, name))
        return undefined
      }
      output.result({ tools }, () =>
        tools.length === 0
          ? `${name} has no tools.`
          : [
              output.table<Tool>(
                [
                  { title: 'TOOL', value: (tool) => tool.name },
                  {
                    title: 'DESCRIPTION',
                    value: ({ description = '' }) => firstSentence(description),
                    flexible: true,
                  },
                ],
                tools,
              ),
              '',
              summaryOf(tools),
            ].join('\n'),
      )
      return undefined
    })
}

/** How much it is, and who does not take so much. */
const summaryOf = (tools: readonly Tool[]): string => {
  const offer = offerOf(tools)
  const limit = limitText(offer.tools)
  return `${offerText(offer)}${limit === undefined ? '' : `: ${limit}`}.`
}

const toolsOf = async (name: string, context: Context): Promise<Tool[]> => {
  const gateway = await connectToGateway(context)
  const { McpSession } = await import('../mcp/mcp-session.ts')
  return context.output.during(`asking ${name} for its tools`, async () => {
    await using session = await McpSession.open(name, gateway.gateway)
    return await session.listTools()
  })
}

const toolDetails = (tool: Tool, server: string): string => {
  const required = new Set(tool.inputSchema.required)
  const properties = Object.entries(tool.inputSchema.properties ?? {})
  const lines = properties.map(([name, property]) => {
    const { type, description } = describe(property)
    return `  ${name}  ${[type, required.has(name) ? 'required' : undefined, description].filter(Boolean).join(', ')}`
  })
  const example = properties
    .filter(([name]) => required.has(name))
    .map(([name]) => ` --arg ${name}=…`)
    .join('')
  return [
    `${tool.name}${tool.title === undefined ? '' : ` (${printable(tool.title)})`}`,
    printableLines(tool.description ?? ''),
    '',
    lines.length === 0 ? 'It takes no arguments.' : `Arguments:\n${lines.join('\n')}`,
    '',
    `Call it with: mreg call ${server} ${tool.name}${example}`,
  ].join('\n')
}

const describe = (property: unknown): { type: string | undefined; description: string | undefined } => {
  if (!isJsonObject(property)) return { type: undefined, description: undefined }
  const { type, description, enum: values } = property
  const choices = Array.isArray(values) ? `one of ${values.map(String).join(', ')}` : undefined
  return {
    type: choices ?? (typeof type === 'string' ? type : undefined),
    description: typeof description === 'string' ? printable(description) : undefined,
  }
}

const firstSentence = (text: string): string => /^.*?[.!?](?=\s|$)/su.exec(text)?.[0] ?? text

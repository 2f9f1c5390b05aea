import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'

import { printable, printableLines } from '../output/printable.ts'

type Content = CallToolResult['content'][number]

/** What a tool has answered, for a person to read. */
export const toolResultText = ({ content, structuredContent }: CallToolResult): string =>
  content.length === 0 && structuredContent !== undefined
    ? JSON.stringify(structuredContent, null, 2)
    : content.map(contentText).join('\n')

const contentText = (content: Content): string => {
  switch (content.type) {
    case 'text':
      return printableLines(content.text)
    case 'image':
    case 'audio':
      return `[${content.type}, ${printable(content.mimeType)}, ${bytesOf(content.data)} bytes; --json shows it]`
    case 'resource_link':
      return `[resource ${printable(content.uri)}]`
    case 'resource':
      return 'text' in content.resource
        ? printableLines(content.resource.text)
        : `[resource ${printable(content.resource.uri)}, ${bytesOf(content.resource.blob)} bytes; --json shows it]`
    default:
      return '[content of an unknown kind; --json shows it]'
  }
}

const bytesOf = (base64: string): number => Math.floor((base64.replace(/=+$/u, '').length * 3) / 4)

/** The MCP clients whose files are known. */
export const CLIENT_KINDS = ['claude-desktop', 'claude-code', 'cursor', 'vscode'] as const

export type ClientKind = (typeof CLIENT_KINDS)[number]

export const CLIENT_NAMES: Readonly<Record<ClientKind, string>> = {
  'claude-desktop': 'Claude Desktop',
  'claude-code': 'Claude Code',
  cursor: 'Cursor',
  vscode: 'VS Code',
}

export const isClientKind = (text: string): text is ClientKind =>
  (CLIENT_KINDS as readonly string[]).includes(text)

import { copyFile, cp, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** A secret that stands in a fixture; nothing may ever print it. */
export const FIXTURE_SECRETS = [
  'ghp_claudeDesktopFixtureSecret000000000',
  'fixture-password',
  'linear-fixture-secret',
  'pplx-fixture-secret',
  'from the file',
] as const

/** Written by hand, on Windows: a byte order mark, CRLF, tabs, comments, commas at the end. */
export const CURSOR_FILE = Buffer.from(
  [
    '\uFEFF{',
    '\t// What Cursor starts with.',
    '\t"mcpServers": {',
    '\t\t"linear": {',
    '\t\t\t"url": "http://127.0.0.1:9/linear/mcp",',
    '\t\t\t"headers": { "Authorization": "Bearer ${env:LINEAR_TOKEN}" }, // from the environment',
    '\t\t},',
    '\t\t"context7": { "command": "npx", "args": ["-y", "@upstash/context7-mcp@latest"], "disabled": true, },',
    '\t\t"local": { "url": "http://127.0.0.1:1/mcp", "autoApprove": ["echo"] },',
    '\t},',
    '}',
    '',
  ].join('\r\n'),
)

/** Puts the files of four clients where they usually are, below a home. */
export const putClientFiles = async (home: string): Promise<Readonly<Record<string, string>>> => {
  const files = {
    'claude-desktop': join(home, '.config', 'Claude', 'claude_desktop_config.json'),
    'claude-code': join(home, '.claude.json'),
    cursor: join(home, '.cursor', 'mcp.json'),
    vscode: join(home, 'shop', '.vscode', 'mcp.json'),
  }
  for (const file of Object.values(files)) await mkdir(dirname(file), { recursive: true })
  await copyFile(join(fixtures, 'claude-desktop', 'claude_desktop_config.json'), files['claude-desktop'])
  await copyFile(join(fixtures, 'claude-code', 'claude.json'), files['claude-code'])
  await writeFile(files.cursor, CURSOR_FILE)
  await cp(join(fixtures, 'vscode'), join(home, 'shop'), { recursive: true })
  return files
}

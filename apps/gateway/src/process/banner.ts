export interface BannerFacts {
  readonly url: string
  readonly dataDirectory: string
  readonly readyMs: number
  readonly authentication: 'none' | 'required'
  readonly store: string
  /** What is registered was not read from the database, which is away, but is what was kept of it. */
  readonly fromSnapshot: boolean
  /** It was started by the command line `mreg`, which a person can then type too. */
  readonly commandLine: boolean
}

/** What a person sees when the gateway is ready: where it is, and what to do next. */
export const banner = (facts: BannerFacts): string => {
  const { url, dataDirectory, readyMs, authentication, store, fromSnapshot, commandLine } = facts
  const away = fromSnapshot ? ' (AWAY: what was registered is served as it was, nothing can be changed)' : ''
  const snippet = JSON.stringify(
    {
      mcpServers: {
        everything: {
          type: 'http',
          url: `${url}/mcp/everything`,
          ...(authentication === 'required' ? { headers: { Authorization: 'Bearer <key>' } } : {}),
        },
      },
    },
    null,
    2,
  )
  return `
  MCP Registry Gateway is ready (${readyMs} ms)

  URL             ${url}
  Data directory  ${dataDirectory}
  Store           ${store}${away}
  Admin key       ${dataDirectory}/admin.key

  Register a server (one that listens on port 3001, here):

${commandLine ? REGISTER_BY_COMMAND : registerByCurl(url, dataDirectory)}

  Then paste this into your MCP client:

${snippet.replaceAll(/^/gmu, '    ')}

  or ${url}/mcp, which is all servers as one.

  API: ${url}/openapi.json   Health: ${url}/health   Stop: Ctrl+C
`
}

const REGISTER_BY_COMMAND = `    mreg add everything http://127.0.0.1:3001/mcp

  or take over what a client has (claude-desktop, claude-code, cursor, or a file):

    mreg import claude-desktop`

const registerByCurl = (url: string, dataDirectory: string): string =>
  `    curl -X POST ${url}/api/v1/servers \\
      -H "Authorization: Bearer $(cat '${dataDirectory}/admin.key')" \\
      -H 'Content-Type: application/json' \\
      -d '{"slug":"everything","endpoints":[{"transport":"streamable-http","url":"http://127.0.0.1:3001/mcp"}]}'`

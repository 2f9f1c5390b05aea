import { randomBytes } from 'node:crypto'

import { type Json, GatewayApi } from './gateway-api.ts'
import { connectLegacy } from './legacy-client.ts'
import { connectModern } from './modern-client.ts'

/**
 * The client that the suite starts for one of its servers: it registers the server at a gateway and uses all that it has,
 * through the gateway. What the suite sees is the gateway as a client.
 */
const { env } = process
const serverUrl = process.argv.at(-1) ?? ''
const scenario = env['MCP_CONFORMANCE_SCENARIO'] ?? ''
const context: Json = JSON.parse(env['MCP_CONFORMANCE_CONTEXT'] ?? '{}')
const isModern = env['MCP_CONFORMANCE_PROTOCOL_VERSION'] === '2026-07-28'

/** Calls that a scenario wants; by default each tool once. */
const callsFor = (
  tools: readonly { readonly name: string; readonly inputSchema: unknown }[],
): readonly Json[] => {
  if (Array.isArray(context['toolCalls'])) return context['toolCalls']
  const rich = tools.find(({ name }) => name === 'json_schema_2020_12_tool')
  return tools.map(({ name }) => ({
    name,
    arguments: {
      ...(name === 'add_numbers' ? { a: 2, b: 3 } : {}),
      ...(name === 'json_schema_echo' ? { schema: rich?.inputSchema } : {}),
      ...(name === 'valid_tool' ? { region: 'eu' } : {}),
    },
  }))
}

/** Whether the gateway said that a server wants other credentials. */
let wantsLogin = false

/** Tries something that a server may refuse. Gives whether it did not; what else comes of it the suite judges. */
const attempt = async (work: () => Promise<unknown>): Promise<boolean> => {
  try {
    await work()
    return true
  } catch (error) {
    process.stderr.write(`${scenario}: ${String(error)}\n`)
    wantsLogin ||= String(error).includes('wants credentials')
    return false
  }
}

/** Uses all that the server has. Gives whether it took everything. */
const use = async (url: string): Promise<boolean> => {
  const client = await (isModern ? connectModern(url) : connectLegacy(url))
  let tools: Awaited<ReturnType<typeof client.listTools>> = []
  let isFine = await attempt(async () => {
    tools = await client.listTools()
  })
  for (const call of callsFor(tools)) isFine = (await attempt(() => client.callTool(call))) && isFine
  await attempt(() => client.readEverything())
  await client.close()
  return isFine
}

const { client_id: clientId, client_secret: clientSecret } = context
const known = scenario === 'auth/pre-registration' ? { clientId, clientSecret } : {}
const api = new GatewayApi(env['MREG_CONFORMANCE_GATEWAY'] ?? '', env['MREG_CONFORMANCE_KEY'] ?? '', known)
const slug = `c-${randomBytes(6).toString('hex')}`
const url = await api.serve(slug, serverUrl)
const isFine = await attempt(async () => {
  if (!(await use(url))) throw new Error('the server did not take everything')
})
// A server may want another login after the first, for more.
if (!isFine && wantsLogin) await api.logIn(slug)
if (!isFine && (wantsLogin || (await api.logInWhereNeeded(slug)))) await use(url)
// Some of the suite's servers end only when nobody listens to them any more.
await api.forget(slug)

import type { ServerProxy } from '../../src/index.ts'
import { exchangeOf, type ExchangeFields, type SeenAnswer, seen } from './exchanges.ts'

const VERSION = '2026-07-28'

export interface ModernFields extends ExchangeFields {
  readonly id?: string | number | undefined
  readonly capabilities?: object | undefined
  readonly meta?: object | undefined
}

/** Sends a request of the newer era with the headers that mirror it, and reads the answer to its end. */
export const sendModern = async (
  { proxy }: { readonly proxy: Pick<ServerProxy, 'handle'> },
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  { id = 1, capabilities = {}, meta = {}, headers = {}, ...fields }: ModernFields = {},
): Promise<SeenAnswer> => {
  const { name, uri } = params
  const mirrored = typeof name === 'string' ? name : uri
  const body = {
    jsonrpc: '2.0',
    id,
    method,
    params: {
      ...params,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': VERSION,
        'io.modelcontextprotocol/clientCapabilities': capabilities,
        ...meta,
      },
    },
  }
  return seen(
    await proxy.handle(
      exchangeOf(body, {
        ...fields,
        headers: {
          'mcp-protocol-version': VERSION,
          'mcp-method': method,
          ...(typeof mirrored === 'string' ? { 'mcp-name': mirrored } : {}),
          ...headers,
        },
      }),
    ),
  )
}

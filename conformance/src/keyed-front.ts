import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

/** Where a client without a key comes to a gateway that wants one. */
export interface KeyedFront extends AsyncDisposable {
  readonly url: string
}

/**
 * Passes requests on to a gateway, with a key where they have none: the suite cannot be given one. Nothing else is changed
 * but the front's own name, so that what the suite makes up for a name stays what it is.
 */
export const startKeyedFront = async (gatewayUrl: string, key: string): Promise<KeyedFront> => {
  const gateway = new URL(gatewayUrl)
  let own = ''

  const headersFor = ({ rawHeaders }: IncomingMessage): string[] => {
    const headers: string[] = []
    let hasKey = false
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const [name = '', value = ''] = rawHeaders.slice(index, index + 2)
      hasKey ||= name.toLowerCase() === 'authorization'
      const isName = ['host', 'origin'].includes(name.toLowerCase())
      headers.push(name, isName ? value.replace(own, gateway.host) : value)
    }
    return hasKey ? headers : [...headers, 'authorization', `Bearer ${key}`]
  }

  const pass = (incoming: IncomingMessage, response: ServerResponse): void => {
    const { method, url: path } = incoming
    const { hostname, port } = gateway
    const outgoing = request({ hostname, port, method, path, headers: headersFor(incoming), agent: false })
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      response.flushHeaders()
      answer.on('error', () => response.destroy())
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  }

  const server = createServer(pass)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the front has no TCP port')
  own = `127.0.0.1:${address.port}`
  return {
    url: `http://${own}`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

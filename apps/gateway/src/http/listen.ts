import { once } from 'node:events'
import { createServer, type Server, type ServerOptions } from 'node:http'
import { isIP } from 'node:net'

import { ConfigurationError, isLoopback } from '@mreg/core'
import type { FastifyInstance } from 'fastify'

/** Listening sockets, and the URL of the first. */
export interface Listening {
  readonly url: string
  /** The servers besides the app's own. */
  readonly others: readonly Server[]
}

/**
 * Listens on every host, all on one port. A loopback address that this machine does not have (a host
 * without IPv6, say) is left out, unless it is the only one.
 *
 * @throws {ConfigurationError} `port_taken`, `port_forbidden` or `address_unavailable`.
 */
export const listen = async (
  app: FastifyInstance,
  hosts: readonly string[],
  port: number,
  options: ServerOptions,
): Promise<Listening> => {
  const [first = '127.0.0.1', ...rest] = hosts
  try {
    await app.listen({ host: first, port })
  } catch (error) {
    throw listenError(error, first, port)
  }
  const address = app.server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  const others: Server[] = []
  for (const host of rest) {
    const server = createServer(options, (request, response) => app.routing(request, response))
    server.keepAliveTimeout = app.server.keepAliveTimeout
    try {
      server.listen(bound, host)
      await once(server, 'listening')
      others.push(server)
    } catch (error) {
      if (isLoopback(host) && isMissingAddress(error)) continue
      for (const other of others) other.close()
      throw listenError(error, host, bound)
    }
  }
  return { url: `http://${isIP(first) === 6 ? `[${first}]` : first}:${bound}`, others }
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

const isMissingAddress = (error: unknown): boolean =>
  codeOf(error) === 'EADDRNOTAVAIL' || codeOf(error) === 'EAFNOSUPPORT'

const listenError = (error: unknown, host: string, port: number): unknown => {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new ConfigurationError(
        'port_taken',
        `MREG_PORT: port ${port} on ${host} is taken by another program; stop that one, or set MREG_PORT to a free port (0 finds one)`,
        { cause: error },
      )
    case 'EACCES':
      return new ConfigurationError(
        'port_forbidden',
        `MREG_PORT: this user may not listen on port ${port} of ${host}; choose one over 1023`,
        { cause: error },
      )
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
      return new ConfigurationError('address_unavailable', `MREG_HOST: this machine has no address ${host}`, {
        cause: error,
      })
    default:
      return error
  }
}

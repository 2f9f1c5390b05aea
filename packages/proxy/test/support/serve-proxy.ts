import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'

import { LOCAL_PRINCIPAL } from '@mreg/core'

import type { Exchange, ServerProxy } from '../../src/index.ts'

/** The proxy behind HTTP, for clients that speak nothing else. */
export interface ServedProxy extends AsyncDisposable {
  urlOf(slug: string): URL
}

/** Serves `proxy` on a free port of 127.0.0.1, in the way an HTTP front end does. */
export const serveProxy = async (proxy: Pick<ServerProxy, 'handle'>): Promise<ServedProxy> => {
  const server = createServer((request, response) => {
    const serve = async (): Promise<void> => {
      const gone = new AbortController()
      response.once('close', () => gone.abort())
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1')
      const [, , slug = '', toolset] = pathname.split('/')
      const answer = await proxy.handle({
        principal: LOCAL_PRINCIPAL,
        slug,
        toolset,
        toolMode: searchParams.get('mode') === 'search' ? 'search' : undefined,
        method: methodOf(request.method),
        header: (name) => request.headers[name]?.toString(),
        headerNames: Object.keys(request.headers),
        body: Buffer.concat(chunks),
        requestId: randomUUID(),
        signal: gone.signal,
      })
      response.writeHead(answer.status, answer.headers.flat())
      if (answer.kind === 'complete') response.write(answer.body)
      else for await (const chunk of answer.chunks) response.write(chunk)
      response.end()
    }
    serve().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  return {
    urlOf: (slug) => new URL(`http://127.0.0.1:${address.port}/mcp/${slug}`),
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const methodOf = (method: string | undefined): Exchange['method'] => {
  if (method === 'POST' || method === 'GET' || method === 'DELETE') return method
  throw new Error(`unexpected method ${method}`)
}

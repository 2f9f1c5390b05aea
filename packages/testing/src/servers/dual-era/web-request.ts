import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

/** The whole body of a request. */
export const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A request of Node's as one of the web's; a client that goes away aborts it. */
export const toWebRequest = (request: IncomingMessage, response: ServerResponse, body: Buffer): Request => {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, String(value))
  return new Request(`http://${request.headers.host}${request.url}`, {
    method: request.method ?? 'GET',
    headers,
    signal: gone.signal,
    ...(body.length === 0 ? {} : { body }),
  })
}

/** Writes a response of the web's. */
export const writeWebResponse = (from: Response, to: ServerResponse): void => {
  to.writeHead(from.status, Object.fromEntries(from.headers))
  if (from.body === null) to.end()
  else
    Readable.fromWeb(from.body)
      .on('error', () => to.destroy())
      .pipe(to)
}

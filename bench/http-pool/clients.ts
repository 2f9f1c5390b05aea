import { Agent, request as send } from 'node:http'

import { HttpPool } from '@mreg/http-pool'
import { createHttpClient } from '@mreg/http-pool/got'
import got from 'got'
import { Pool } from 'undici'

/** One way of sending a request and having its whole answer. */
export type Client = (path: string, headers: readonly string[], body: Buffer) => Promise<Answer>

export interface Answer {
  readonly status: number
  /** Name, value, name, value, … */
  readonly headers: readonly string[]
  readonly body: Buffer
}

const CONNECTION_FIELDS = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'content-length'])

const withoutConnection = (headers: readonly string[]): string[] => {
  const kept: string[] = []
  for (let index = 0; index < headers.length; index += 2) {
    const [name = '', value = ''] = [headers[index], headers[index + 1]]
    if (!CONNECTION_FIELDS.has(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}

const asRecord = (headers: readonly string[]): Record<string, string> => {
  const record: Record<string, string> = {}
  for (let index = 0; index < headers.length; index += 2)
    record[headers[index] ?? ''] = headers[index + 1] ?? ''
  return record
}

/** The clients side by side, each with 64 connections to one server. */
export const clients: Readonly<Record<string, (port: number) => Client>> = {
  'node:http': (port) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 64, scheduling: 'lifo' })
    return (path, headers, body) =>
      new Promise((resolve, reject) => {
        const fields = [
          'Host',
          `127.0.0.1:${port}`,
          ...withoutConnection(headers),
          'Content-Length',
          String(body.byteLength),
        ]
        const options = {
          agent,
          host: '127.0.0.1',
          port,
          path,
          method: 'POST',
          headers: fields,
          setHost: false,
        }
        const request = send(options, (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: withoutConnection(response.rawHeaders),
              body: Buffer.concat(chunks),
            }),
          )
          response.on('error', reject)
        })
        request.on('error', reject)
        request.end(body)
      })
  },
  'http-pool relay': (port) => {
    const pool = new HttpPool()
    const base = `http://127.0.0.1:${port}`
    const urls = new Map<string, URL>()
    return async (path, headers, body) => {
      let url = urls.get(path)
      if (url === undefined) {
        url = new URL(path, base)
        urls.set(path, url)
      }
      const fields: [string, string][] = []
      for (let index = 0; index < headers.length; index += 2) {
        fields.push([headers[index] ?? '', headers[index + 1] ?? ''])
      }
      const response = await pool.relay({ url, method: 'POST', headers: fields, body })
      const content = await response.body.bytes()
      return { status: response.status, headers: withoutConnection(response.headers.raw), body: content }
    }
  },
  'http-pool got': (port) => {
    const client = createHttpClient(new HttpPool())
    return async (path, headers, body) => {
      const url = `http://127.0.0.1:${port}${path}`
      const response = await client.post(url, { body, headers: asRecord(withoutConnection(headers)) })
      return {
        status: response.status,
        headers: withoutConnection(response.headers.raw),
        body: response.body,
      }
    }
  },
  got: (port) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 64, scheduling: 'lifo' })
    const plain = got.extend({
      agent: { http: agent },
      retry: { limit: 0 },
      throwHttpErrors: false,
      followRedirect: false,
      decompress: false,
      responseType: 'buffer',
    })
    return async (path, headers, body) => {
      const url = `http://127.0.0.1:${port}${path}`
      const response = await plain.post<Buffer>(url, { body, headers: asRecord(withoutConnection(headers)) })
      return {
        status: response.statusCode,
        headers: withoutConnection(response.rawHeaders),
        body: Buffer.from(response.rawBody),
      }
    }
  },
  'undici request': (port) => {
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 64 })
    return async (path, headers, body) => {
      const response = await pool.request({ path, method: 'POST', headers: withoutConnection(headers), body })
      const fields = Object.entries(response.headers).flatMap(([name, value]) => [name, String(value)])
      const content = Buffer.from(await response.body.arrayBuffer())
      return { status: response.statusCode, headers: withoutConnection(fields), body: content }
    }
  },
  'undici dispatch': (port) => {
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 64 })
    return (path, headers, body) =>
      new Promise((resolve, reject) => {
        let status = 0
        let fields: string[] = []
        const chunks: Buffer[] = []
        pool.dispatch(
          { path, method: 'POST', headers: withoutConnection(headers), body },
          {
            onRequestStart: () => undefined,
            onResponseStart: (controller, statusCode) => {
              status = statusCode
              const { rawHeaders } = controller
              fields = Array.isArray(rawHeaders) ? rawHeaders.map(String) : []
            },
            onResponseData: (_controller, chunk) => chunks.push(chunk),
            onResponseEnd: () =>
              resolve({ status, headers: withoutConnection(fields), body: Buffer.concat(chunks) }),
            onResponseError: (_controller, error) => reject(error),
          },
        )
      })
  },
}

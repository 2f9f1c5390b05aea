import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createSettings, type Logger } from '@mreg/core'
import type { Container } from 'inversify'

import { createContainer } from '../../src/container.ts'
import { Gateway } from '../../src/gateway.ts'
import { DataDirectory } from '../../src/process/data-directory.ts'
import { PROGRAM_DIRECTORY } from './program-directory.ts'

export const ADMIN_KEY = 'mreg_a_key_for_this_test_0123456789'

/** What came back over HTTP. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, when it is a JSON object; else empty. */
  readonly json: Readonly<Record<string, unknown>>
}

/** A gateway inside the process of the test, on a database in memory. */
export class InProcessGateway implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack
  readonly container: Container
  readonly url: string
  /** Everything that was logged or answered. */
  readonly seen: string[]

  private constructor(
    resources: AsyncDisposableStack,
    found: { readonly container: Container; readonly url: string; readonly seen: string[] },
  ) {
    this.#resources = resources
    this.container = found.container
    this.url = found.url
    this.seen = found.seen
  }

  /** @param environment boot values beside those of every test. */
  static async start(environment: Readonly<Record<string, string>> = {}): Promise<InProcessGateway> {
    const resources = new AsyncDisposableStack()
    const path = mkdtempSync(join(tmpdir(), 'mreg-gateway-'))
    resources.defer(() => rmSync(path, { recursive: true, force: true }))
    const seen: string[] = []
    const settings = createSettings({
      environment: {
        MREG_ENVIRONMENT: 'testing',
        MREG_DATABASE_URL: 'memory://',
        MREG_PORT: '0',
        MREG_ADMIN_KEY: ADMIN_KEY,
        ...environment,
      },
    })
    const container = await createContainer({
      settings,
      logger: loggerInto(seen),
      data: resources.use(DataDirectory.claim(path)),
      resources,
      programDirectory: PROGRAM_DIRECTORY,
    })
    const url = await container.get(Gateway).start()
    return new InProcessGateway(resources, { container, url, seen })
  }

  /** Sends one request. `key` undefined: without a key. */
  async request(
    method: string,
    path: string,
    {
      body,
      headers = {},
      ...options
    }: {
      readonly body?: unknown
      readonly headers?: Readonly<Record<string, string>>
      readonly key?: string | undefined
    } = {},
  ): Promise<HttpAnswer> {
    const key = 'key' in options ? options.key : ADMIN_KEY
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    this.seen.push(text)
    const isJson = /[/+]json/u.test(response.headers.get('content-type') ?? '') && text !== ''
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync()
  }
}

const loggerInto = (seen: string[]): Logger => {
  const write: Logger['info'] = (message, fields) => {
    seen.push(message, JSON.stringify(fields, withErrors) ?? '')
  }
  const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger }
  return logger
}

const withErrors = (_key: string, value: unknown): unknown =>
  value instanceof Error ? { fields: Object.entries(value), stack: value.stack, cause: value.cause } : value

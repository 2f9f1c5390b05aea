import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createSettings, type Logger, type SettingsFile } from '@mreg/core'
import type { CapabilityView } from '@mreg/registry'

import { createContainer } from '../../src/container.ts'
import { Gateway } from '../../src/gateway.ts'
import { DataDirectory } from '../../src/process/data-directory.ts'
import { ADMIN_KEY } from './in-process-gateway.ts'
import { PROGRAM_DIRECTORY } from './program-directory.ts'

/** What the API answered. */
export interface ApiAnswer {
  readonly status: number
  // oxlint-disable-next-line typescript/no-explicit-any -- as the schemas of the API say
  readonly json: any
}

/** A gateway in this process, with a database in memory. */
export interface OpenGateway extends AsyncDisposable {
  readonly url: string
  /** Everything that was logged, one line each. */
  readonly log: readonly string[]
  /** Any request to the API, as the administrator unless `key` says otherwise. */
  api(method: string, path: string, body?: unknown, key?: string): Promise<ApiAnswer>
  /** The first page of what a server offers. */
  capabilities(slug: string): Promise<readonly CapabilityView[]>
  /** Registers a server with one URL. */
  register(slug: string, url: string, settings?: object): Promise<void>
}

/** Opens one. `settings` is what its settings file holds. */
export const openGateway = async (settings: SettingsFile = {}): Promise<OpenGateway> => {
  const resources = new AsyncDisposableStack()
  const path = mkdtempSync(join(tmpdir(), 'mreg-gateway-'))
  resources.defer(() => rmSync(path, { recursive: true, force: true }))
  const file = join(path, 'settings.json')
  writeFileSync(file, JSON.stringify(settings))
  const log: string[] = []
  const container = await createContainer({
    settings: createSettings({
      environment: {
        MREG_ENVIRONMENT: 'testing',
        MREG_DATABASE_URL: 'memory://',
        MREG_PORT: '0',
        MREG_ADMIN_KEY: ADMIN_KEY,
        MREG_CONFIG: file,
      },
    }),
    data: resources.use(DataDirectory.claim(join(path, 'data'))),
    logger: loggerInto(log),
    resources,
    programDirectory: PROGRAM_DIRECTORY,
  })
  const url = await container.get(Gateway).start()
  const api: OpenGateway['api'] = async (method, target, body, key = ADMIN_KEY) => {
    const response = await fetch(`${url}/api/v1${target}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, json: JSON.parse(text === '' ? 'null' : text) }
  }
  return {
    url,
    log,
    api,
    capabilities: async (slug) => {
      const { json } = await api('GET', `/servers/${slug}/capabilities`)
      return json.items
    },
    register: async (slug, address, own = {}) => {
      const endpoints = [{ transport: 'streamable-http', url: address }]
      const { status, json } = await api('POST', '/servers', { slug, endpoints, settings: own })
      if (status !== 201) throw new Error(`${slug} could not be registered: ${JSON.stringify(json)}`)
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

const loggerInto = (log: string[]): Logger => {
  const write: Logger['info'] = (message, fields) => void log.push(JSON.stringify({ message, ...fields }))
  const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger }
  return logger
}

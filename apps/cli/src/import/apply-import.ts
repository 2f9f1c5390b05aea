import { setTimeout as delay } from 'node:timers/promises'

import type { CommandFailure } from '../command-failure.ts'
import type { GatewayClient, ServerView } from '../gateway-client/gateway-client.ts'
import { GatewayRefusal } from '../gateway-client/gateway-refusal.ts'
import type { Output } from '../output/output.ts'
import { isAsked, isSettled } from '../until-probed.ts'
import type { ImportRecord } from './import-record.ts'
import type { PlannedServer } from './plan-import.ts'

/** What became of a server of the file. */
export interface ImportedServer extends Omit<PlannedServer, 'input' | 'digest'> {
  /** How it was found to do; undefined when it was not registered or not asked. */
  readonly status: string | undefined
}

export interface ApplyOptions {
  readonly gateway: GatewayClient
  readonly record: ImportRecord
  readonly file: string
  readonly output: Output
  /** Waits until the servers have been asked whether they work. */
  readonly wait: boolean
}

/** Programs that are started for the first time may have to be installed, and a few at a time. */
const COMMANDS_MS = 130_000
const URLS_MS = 15_000
/** Until what was found is the status of its server. */
const SETTLE_MS = 5000
const POLL_MS = 300

/**
 * Does what was planned. A server that the gateway refuses does not keep the others out.
 *
 * @throws {CommandFailure} when the gateway cannot be reached, or refuses whoever asks.
 */
export const applyImport = async (
  planned: readonly PlannedServer[],
  options: ApplyOptions,
): Promise<ImportedServer[]> => {
  const { file, gateway, output, record } = options
  const done = await output.during('registering servers', async (progress) => {
    const results: ImportedServer[] = []
    for (const { input, digest, ...server } of planned) {
      progress.update(`registering ${server.slug} (${results.length + 1} of ${planned.length})`)
      try {
        if (input !== undefined && server.action === 'register') await gateway.register(input)
        if (input !== undefined && server.action === 'update')
          await gateway.update(server.slug, {
            ...(input.title === undefined ? {} : { title: input.title }),
            endpoints: input.endpoints,
          })
        if (
          digest !== undefined &&
          isThere(server) &&
          (input !== undefined || record.get(server.slug) === undefined)
        )
          record.set(server.slug, { file, name: server.name, digest })
        results.push({ ...server, status: undefined })
      } catch (error) {
        if (!isAboutThisServer(error)) throw error
        results.push({ ...server, action: 'fault', reason: error.message, status: undefined })
      }
    }
    return results
  })
  await record.save()
  if (!options.wait) return done
  const servers = await untilAllProbed(done, options)
  return done.map((server) => ({
    ...server,
    status: isThere(server) ? servers.find(({ slug }) => slug === server.slug)?.status : undefined,
    reason: server.reason ?? causeOf(servers.find(({ slug }) => slug === server.slug)),
  }))
}

const isThere = ({ action }: Pick<PlannedServer, 'action'>): boolean =>
  action === 'register' || action === 'update' || action === 'unchanged'

const isAboutThisServer = (error: unknown): error is CommandFailure =>
  GatewayRefusal.is(error) && (error.problem.status === 400 || error.problem.status === 409)

const untilAllProbed = async (
  imported: readonly ImportedServer[],
  { gateway, output }: ApplyOptions,
): Promise<ServerView[]> => {
  const changed = new Set(
    imported.flatMap(({ slug, action }) => (action === 'register' || action === 'update' ? [slug] : [])),
  )
  if (changed.size === 0) return gateway.list()
  return output.during(`asking ${changed.size} servers whether they work`, async (progress) => {
    let newsAt = Date.now()
    let before = Number.POSITIVE_INFINITY
    for (;;) {
      const servers = await gateway.list()
      const waiting = servers.filter((server) => changed.has(server.slug) && !isSettled(server))
      const unasked = waiting.filter((server) => !isAsked(server))
      const left = waiting.length + unasked.length
      if (left < before) newsAt = Date.now()
      before = left
      if (left === 0 || Date.now() - newsAt > patienceMs(unasked)) return servers
      const names = waiting.map(({ slug }) => slug).join(', ')
      progress.update(
        `${changed.size - waiting.length} of ${changed.size} servers have answered; waiting for ${names}`,
      )
      await delay(POLL_MS)
    }
  })
}

/** How long to wait without any news, in milliseconds. */
const patienceMs = (unasked: readonly ServerView[]): number => {
  if (unasked.length === 0) return SETTLE_MS
  return unasked.some(({ endpoints }) => endpoints.some(({ transport }) => transport === 'stdio'))
    ? COMMANDS_MS
    : URLS_MS
}

/** Why a server does not work, if it does not. */
const causeOf = (server: ServerView | undefined): string | undefined => {
  if (server === undefined || server.status === 'healthy') return undefined
  const told = server.endpoints.find(({ probe }) => probe.message !== undefined)?.probe.message
  if (told !== undefined || isAsked(server)) return told
  const lastWords = server.endpoints.find(({ live }) => live?.lastErrorLine !== undefined)?.live
    ?.lastErrorLine
  return lastWords === undefined
    ? 'it is still starting'
    : `it is still starting; its last words: ${lastWords}`
}

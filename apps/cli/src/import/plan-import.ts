import type { ConfigEntry } from '../client-configs/config-file.ts'
import { isGatewayEntry } from '../client-configs/gateway-entry.ts'
import { readServerDefinition } from '../client-configs/server-definition.ts'
import type { ServerView } from '../gateway-client/gateway-client.ts'
import type { EndpointInput, ServerInput } from '../gateway-client/server-input.ts'
import type { ImportRecord } from './import-record.ts'
import { inputsIn } from './input-source.ts'
import { resolveEndpoint, type ResolveOptions } from './resolve-endpoint.ts'
import { hasSameAddress, hasSameCredentialNames } from './same-endpoint.ts'
import { slugsForNames } from './slug-for-name.ts'
import { VariableError, type Variables } from './variables.ts'

/** What an import does about one server of the file. */
export interface PlannedServer {
  readonly name: string
  readonly slug: string
  /**
   * `register` and `update` change the gateway; `unchanged` is there already; `skipped` is left out on purpose;
   * `conflict` and `fault` need a decision.
   */
  readonly action: 'register' | 'update' | 'unchanged' | 'skipped' | 'conflict' | 'fault'
  /** Why, in words; no secret in them. */
  readonly reason: string | undefined
  /** What the gateway is asked to register or change. Holds secrets. */
  readonly input: ServerInput | undefined
  /** What the file says, for the record. */
  readonly digest: string | undefined
}

export interface PlanOptions extends ResolveOptions {
  /** Like `variables`, but asks nobody: inputs stay as they are written. */
  readonly unaskedVariables: Variables
  /** Nothing will be done, so nobody is asked for anything. */
  readonly dryRun: boolean
  readonly file: string
  readonly gatewayUrl: string
  readonly registered: readonly ServerView[]
  readonly record: ImportRecord
  readonly includeDisabled: boolean
  /** Servers that are registered otherwise are changed to what the file says. */
  readonly overwrite: boolean
}

/** Decides what an import does, and changes nothing. */
export const planImport = async (
  entries: readonly ConfigEntry[],
  options: PlanOptions,
): Promise<PlannedServer[]> => {
  const slugs = slugsForNames(entries.map(({ name }) => name))
  const planned: PlannedServer[] = []
  for (const entry of entries)
    planned.push(await planOne(entry, slugs.get(entry.name) ?? entry.name, options))
  return planned
}

const planOne = async (
  { name, value }: ConfigEntry,
  slug: string,
  options: PlanOptions,
): Promise<PlannedServer> => {
  const plan = (
    action: PlannedServer['action'],
    reason?: string,
    more: Pick<Partial<PlannedServer>, 'input' | 'digest'> = {},
  ): PlannedServer => ({ name, slug, action, reason, input: undefined, digest: undefined, ...more })

  if (isGatewayEntry(value, options.gatewayUrl)) return plan('skipped', 'it is this gateway already')
  const definition = readServerDefinition(value)
  if ('fault' in definition) return plan('fault', definition.fault)
  if (definition.disabled && !options.includeDisabled)
    return plan('skipped', 'it is disabled in the file; --include-disabled imports it')
  try {
    const written = await resolveEndpoint(definition, { ...options, variables: options.unaskedVariables })
    const digest = options.record.digestOf(written)
    const { action, reason } = decide({ name, slug, written, digest }, options)
    if (action !== 'register' && action !== 'update') return plan(action, reason, { digest })
    if (options.dryRun) {
      const asked = inputsIn(written)
      return plan(action, asked.length === 0 ? reason : `asks for ${asked.join(', ')}`, { digest })
    }
    const title = definition.title ?? (name === slug ? undefined : name)
    const input: ServerInput = {
      slug,
      ...(title === undefined ? {} : { title }),
      ...(definition.description === undefined ? {} : { description: definition.description }),
      endpoints: [await resolveEndpoint(definition, options)],
    }
    return plan(action, reason, { input, digest })
  } catch (error) {
    if (VariableError.is(error)) return plan('fault', error.message)
    throw error
  }
}

interface WrittenServer {
  readonly name: string
  readonly slug: string
  /** As the file says, inputs left as they are written. */
  readonly written: EndpointInput
  readonly digest: string
}

const decide = (
  { name, slug, written, digest }: WrittenServer,
  { file, overwrite, record, registered }: PlanOptions,
): Pick<PlannedServer, 'action' | 'reason'> => {
  const server = registered.find((candidate) => candidate.slug === slug)
  if (server === undefined) return { action: 'register', reason: undefined }
  const from = record.get(slug)
  const asks = inputsIn(written).length > 0
  const sameAddress = hasSameAddress(server, written) || (asks && from?.digest === digest)
  const same = sameAddress && hasSameCredentialNames(server, written)
  if (same && (from === undefined ? !asks : from.digest === digest))
    return { action: 'unchanged', reason: undefined }
  if (overwrite || (from?.file === file && from.name === name))
    return {
      action: 'update',
      reason: same ? 'its credentials have changed' : 'its definition has changed',
    }
  return {
    action: 'conflict',
    reason: `${slug} is registered already, otherwise than here; --overwrite changes it, mreg remove ${slug} forgets it`,
  }
}

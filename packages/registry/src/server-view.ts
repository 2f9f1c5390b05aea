import type { EndpointProbe, EndpointRecord, ServerRecord } from '@mreg/core'
import type { StdioState } from '@mreg/upstream'

import type { OfferSize } from './catalog/offer-size.ts'

/** How an endpoint was found when it was last probed, as the API shows it. */
export interface ProbeView extends Omit<EndpointProbe, 'endpointId' | 'probedAt'> {
  readonly probedAt: string | undefined
}

/** An endpoint as the API shows it: names of its secrets, never their values. */
export interface EndpointView extends Omit<
  EndpointRecord,
  'serverId' | 'secretId' | 'args' | 'headerNames' | 'envNames'
> {
  readonly args: string[] | undefined
  readonly headerNames: string[]
  readonly envNames: string[]
  readonly probe: ProbeView
  /** What its processes are doing in this gateway; undefined for one that is reached by a URL. */
  readonly live: StdioState | undefined
}

/** Tells what the processes of an endpoint are doing; undefined when none was needed yet. */
export type LiveStates = (endpointId: string) => StdioState | undefined

/** A server as the API shows it. */
export interface ServerView extends Omit<
  ServerRecord,
  'tenantId' | 'createdAt' | 'updatedAt' | 'endpoints' | 'tags' | 'settings'
> {
  readonly tags: string[]
  readonly settings: Record<string, unknown>
  readonly createdAt: string
  readonly updatedAt: string
  readonly endpoints: EndpointView[]
  /** How much it offers, as far as the gateway that answers has it in memory; undefined: not known. */
  readonly offer?: OfferSize | undefined
}

const NOT_NEEDED_YET: StdioState = { state: 'stopped', processes: 0, lastErrorLine: undefined }

/** The view of a record and of what its endpoints' probes said. */
export const serverView = (
  server: ServerRecord,
  probes: readonly EndpointProbe[],
  live: LiveStates = () => undefined,
): ServerView => {
  const { tenantId: _tenant, ...shown } = server
  return {
    ...shown,
    tags: [...server.tags],
    settings: { ...server.settings },
    createdAt: server.createdAt.toISOString(),
    updatedAt: server.updatedAt.toISOString(),
    endpoints: server.endpoints.map((endpoint) =>
      endpointView(
        endpoint,
        probes.find(({ endpointId }) => endpointId === endpoint.id),
        live,
      ),
    ),
  }
}

const endpointView = (
  endpoint: EndpointRecord,
  probe: EndpointProbe | undefined,
  live: LiveStates,
): EndpointView => {
  const { serverId: _server, secretId: _secret, ...shown } = endpoint
  return {
    ...shown,
    args: endpoint.args === undefined ? undefined : [...endpoint.args],
    headerNames: [...endpoint.headerNames],
    envNames: [...endpoint.envNames],
    live: endpoint.transport === 'stdio' ? (live(endpoint.id) ?? NOT_NEEDED_YET) : undefined,
    probe: {
      status: probe?.status ?? 'unknown',
      era: probe?.era,
      latencyMs: probe?.latencyMs,
      message: probe === undefined ? 'not probed yet' : probe.message,
      probedAt: probe?.probedAt?.toISOString(),
    },
  }
}

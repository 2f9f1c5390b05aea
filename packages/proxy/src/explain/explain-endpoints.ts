import type { BalancingStrategy } from '@mreg/core'
import {
  type EndpointStanding,
  type EndpointTarget,
  type Fitness,
  UpstreamError,
  type Upstreams,
} from '@mreg/upstream'

import { firstReplica, sameReplica } from '../replicas/first-replica.ts'
import type { ServerRoute } from '../route-table.ts'
import type { ExplainedEndpoint } from './explanation.ts'

/** Where a call would go. */
export interface ExplainedEndpoints {
  /** How calls are spread; undefined: there is only one endpoint. */
  readonly strategy: BalancingStrategy | undefined
  readonly chosen: ExplainedEndpoint | undefined
  readonly all: ExplainedEndpoint[]
}

interface Standing {
  readonly target: EndpointTarget
  /** undefined: this gateway cannot use it. */
  readonly standing: EndpointStanding | undefined
}

/**
 * Which endpoint a new request of a principal would be sent to, and why the others would not. It is chosen as calls are, but for taking
 * a turn; a strategy that goes by chance may choose another one for the call.
 */
export const explainEndpoints = (
  route: ServerRoute,
  upstreams: Upstreams,
  principalId: string,
): ExplainedEndpoints => {
  const standings = new Map(
    route.targets.map((target) => [
      target.endpoint.id,
      { target, standing: standingOf(target, upstreams, principalId) },
    ]),
  )
  const { only } = route.replicas
  const strategy = only === undefined ? (route.server.settings.balancing?.strategy ?? 'peak-ewma') : undefined
  const chosenId = only === undefined ? chosenOf(route, standings, principalId) : only.endpoint.id
  const stats = new Map(route.replicas.stats().map((each) => [each.id, each]))
  const fit = [...standings.values()].filter(({ standing }) => standing?.fitness === 'good').length
  const all = [...standings].map(([id, { standing, target }]): ExplainedEndpoint => {
    const isChosen = id === chosenId
    const balancing = stats.get(id)
    return {
      id,
      transport: target.endpoint.transport,
      address: target.endpoint.url ?? target.endpoint.command,
      isChosen,
      ...(isChosen ? whyChosen(standing, strategy, fit) : whyNot(standing, strategy)),
      standing,
      ...(balancing === undefined
        ? {}
        : {
            balancing: {
              state: balancing.state,
              weight: balancing.weight,
              effectiveWeight: balancing.effectiveWeight,
              inFlight: balancing.inFlight,
            },
          }),
    }
  })
  return { strategy, chosen: all.find(({ isChosen }) => isChosen), all }
}

const standingOf = (
  target: EndpointTarget,
  upstreams: Upstreams,
  principalId: string,
): EndpointStanding | undefined => {
  try {
    return upstreams.endpoint(target).standingFor(principalId)
  } catch (error) {
    if (UpstreamError.is(error)) return undefined
    throw error
  }
}

const chosenOf = (
  { replicas }: ServerRoute,
  standings: ReadonlyMap<string, Standing>,
  key: string,
): string | undefined => {
  const standingAt = (replica: { readonly id: string }): EndpointStanding | undefined =>
    standings.get(replica.id)?.standing
  const first = firstReplica(replicas, {
    key,
    isPreview: true,
    fitnessOf: (replica) => standingAt(replica)?.fitness ?? 'closed-off',
    retryAfterMsOf: (replica) => standingAt(replica)?.retryAfterMs ?? Number.POSITIVE_INFINITY,
  })
  if (first === undefined || standingAt(first)?.eras.modern !== 'legacy') return first?.id
  const isGood = (replica: { readonly id: string }): boolean => {
    const standing = standingAt(replica)
    return standing?.fitness === 'good' && standing.eras.modern === 'legacy'
  }
  return (sameReplica(replicas, { key, isGood }) ?? first).id
}

type Why = Pick<ExplainedEndpoint, 'code' | 'text'>

const whyChosen = (
  standing: EndpointStanding | undefined,
  strategy: BalancingStrategy | undefined,
  fit: number,
): Why => {
  if (standing === undefined) return UNUSABLE
  if (standing.fitness !== 'good')
    return {
      code: 'best_there_is',
      text: `${strategy === undefined ? 'it is the only one' : 'none is better'}, although ${stateText(standing)}`,
    }
  if (strategy === undefined) return { code: 'only_one', text: 'it is the only one, and it is well' }
  return fit === 1
    ? { code: 'only_one_well', text: 'it is the only one that is well' }
    : { code: 'strategy', text: `${strategy} has chosen it among the ${fit} that are well` }
}

const whyNot = (standing: EndpointStanding | undefined, strategy: BalancingStrategy | undefined): Why => {
  if (standing === undefined) return UNUSABLE
  return standing.fitness === 'good'
    ? { code: 'not_its_turn', text: `it is well, too; ${strategy} has chosen another this time` }
    : { code: standing.fitness.replaceAll('-', '_'), text: stateText(standing) }
}

const UNUSABLE: Why = { code: 'transport_unsupported', text: 'this gateway cannot use its transport' }

const STATES: Readonly<Record<Fitness, (standing: EndpointStanding) => string>> = {
  good: () => 'it is well',
  recovering: () => 'its circuit is half open and lets only few calls try',
  paced: ({ paceMs }) => `it has asked to be called less often, for another ${paceMs} ms`,
  unfit: ({ status = 'unhealthy' }) => `a probe has found it ${status}`,
  'closed-off': ({ circuit, retryAfterMs }) =>
    circuit === 'isolated'
      ? 'its circuit is held open'
      : `its circuit is open after failures; it lets a call try in ${retryAfterMs} ms`,
}

/** How it stands with an endpoint. */
const stateText = (standing: EndpointStanding): string => STATES[standing.fitness](standing)

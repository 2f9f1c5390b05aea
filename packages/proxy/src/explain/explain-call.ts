import type { Principal } from '@mreg/core'
import type { Era } from '@mreg/mcp-wire'
import { type CatalogServer, needsLogin } from '@mreg/registry'
import type { Upstreams } from '@mreg/upstream'

import type { ServerRoute } from '../route-table.ts'
import { type ExplainedEndpoints, explainEndpoints } from './explain-endpoints.ts'
import type { ExplainedEndpoint, Steps } from './explanation.ts'

/** Says to which endpoint a call would go, and in which era of the protocol. undefined: it would go to none, as was said before. */
export const explainCall = (
  steps: Steps,
  route: ServerRoute,
  server: CatalogServer | undefined,
  upstreams: Upstreams,
  { id }: Principal,
): ExplainedEndpoints | undefined => {
  if (route.server.maintenance || needsLogin(server)) return undefined
  const explained = explainEndpoints(route, upstreams, id)
  const { chosen } = explained
  if (chosen === undefined) {
    steps.add('endpoint', 'no', 'no_endpoint', `The server "${route.server.slug}" has no endpoint.`)
    return explained
  }
  const { standing } = chosen
  if (standing !== undefined) {
    const { ageMs, legacy, modern } = standing.eras
    const isKnown = legacy !== undefined || modern !== undefined
    const text = isKnown
      ? `Clients of the newer era of the protocol are ${passed('modern', modern)}, those of the older ${passed('legacy', legacy)}.`
      : 'Which era of the protocol the endpoint speaks is not known yet: it is asked when there is a call.'
    steps.add('protocol', 'ok', isKnown ? 'era_known' : 'era_unknown', text, { legacy, modern, ageMs })
  }
  const refusal = refusalOf(chosen)
  const outcome = refusal !== undefined ? 'no' : standing?.fitness === 'good' ? 'ok' : 'warning'
  const verb = refusal === undefined ? 'A call goes to' : 'A call would be refused, though it belongs to'
  const text = `${verb} ${chosen.address ?? chosen.id}: ${chosen.text}.`
  steps.add('endpoint', outcome, refusal ?? chosen.code, text, { endpointId: chosen.id })
  return explained
}

const passed = (client: Era, era: Era | undefined): string => {
  if (era === undefined) return 'passed on in the era that it is found to speak'
  return era === client ? 'passed on as they are' : 'translated'
}

/** The code of the error that a call would be answered with; undefined: it would be sent. */
const refusalOf = ({ standing }: ExplainedEndpoint): string | undefined => {
  if (standing === undefined) return 'transport_unsupported'
  if (standing.paceMs > 0) return 'rate_limited'
  const isOpen = standing.circuit === 'isolated' || (standing.circuit === 'open' && standing.retryAfterMs > 0)
  return isOpen ? 'circuit_open' : undefined
}

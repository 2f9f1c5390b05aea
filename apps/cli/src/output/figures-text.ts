import { CommandFailure } from '../command-failure.ts'
import type { GatewayClient, ServerFigures } from '../gateway-client/gateway-client.ts'

type EndpointFigures = ServerFigures['endpoints'][number]

/** What the gateway was asked of a server since its start; undefined: this key is not told. */
export const serverFigures = async (
  gateway: GatewayClient,
  slug: string,
): Promise<ServerFigures | undefined> => {
  try {
    return await gateway.figures(slug)
  } catch (error) {
    // Figures are a note beside what was asked for.
    if (CommandFailure.is(error)) return undefined
    throw error
  }
}

/** How many requests, how they ended and how long they took, such as `14 requests, 2 failed, 35 ms on average`. */
export const trafficText = ({ byMethod, byOutcome }: ServerFigures): string | undefined => {
  const durations = Object.values(byMethod ?? {})
  const count = durations.reduce((sum, each) => sum + each.count, 0)
  if (count === 0) return undefined
  const averageMs = durations.reduce((sum, each) => sum + each.count * each.meanMs, 0) / count
  const others = Object.entries(byOutcome ?? {}).filter(
    ([outcome, times]) => outcome !== 'result' && times > 0,
  )
  return [
    count === 1 ? '1 request' : `${count} requests`,
    ...others.map(([outcome, times]) => `${times} ${WORDS[outcome] ?? outcome}`),
    `${Math.round(averageMs)} ms on average`,
  ].join(', ')
}

/** Whether requests are let through to an endpoint, such as `open, tried again in 4 s, 5 failed`. */
export const circuitText = (figures: EndpointFigures | undefined): string | undefined => {
  const circuit = figures?.circuit
  return circuit === undefined
    ? undefined
    : [
        circuit.state,
        circuit.retryAfterMs > 0 ? `tried again in ${Math.ceil(circuit.retryAfterMs / 1000)} s` : undefined,
        `${circuit.inFlight} under way`,
        `${circuit.successes} answered`,
        circuit.failures > 0 ? `${circuit.failures} failed` : undefined,
        circuit.rejected > 0 ? `${circuit.rejected} not tried` : undefined,
      ]
        .filter((part) => part !== undefined)
        .join(', ')
}

/** What part of the work of its server an endpoint has; undefined where it is the only one. */
export const balancerText = (figures: EndpointFigures | undefined): string | undefined =>
  figures?.balancer &&
  `${figures.balancer.state}, ${figures.balancer.inFlight} under way, weight ${round(figures.balancer.effectiveWeight)}`

const WORDS: Readonly<Record<string, string>> = {
  error: 'answered with an error',
  failure: 'failed',
  stale: 'answered with an older answer',
}

const round = (value: number): number => Math.round(value * 100) / 100

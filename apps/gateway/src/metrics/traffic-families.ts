import { DURATION_BOUNDS_MS, type FallbackFigures, type ServerTraffic, type Traffic } from '@mreg/proxy'

import type { MetricFamily, Sample } from './metric-family.ts'

/** The label of what is counted for all servers together that have no figures of their own. */
const OTHERS = '(others)'

/** What servers were asked, and what came of it. */
export const trafficFamilies = (traffic: Traffic, fallback: FallbackFigures): MetricFamily[] => {
  const all = [...traffic.servers()].map(([, server]) => server)
  const counted = [...all, traffic.others]
  return [
    {
      name: 'mreg_requests_total',
      help: 'MCP requests that were answered for a server, by the era of the client, what they were about and how they ended.',
      type: 'counter',
      samples: counted.flatMap((server) =>
        [...server.counts()].map(({ count, era, methodClass: method, outcome }) => ({
          labels: { ...labelsOf(server), era, method, outcome },
          value: count,
        })),
      ),
    },
    {
      name: 'mreg_request_duration_seconds',
      help: 'From the reading of an MCP request to its response.',
      type: 'histogram',
      samples: counted.flatMap(durationsOf),
    },
    {
      name: 'mreg_message_bytes_total',
      help: 'Bytes of requests of clients and of responses to them.',
      type: 'counter',
      samples: counted.flatMap((server) => [
        { labels: { ...labelsOf(server), direction: 'request' }, value: server.requestBytes },
        { labels: { ...labelsOf(server), direction: 'response' }, value: server.responseBytes },
      ]),
    },
    {
      name: 'mreg_bridged_requests_total',
      help: 'MCP requests that were translated between the protocol eras.',
      type: 'counter',
      samples: counted.map((server) => ({ labels: labelsOf(server), value: server.bridged })),
    },
    {
      name: 'mreg_fallback_answers_total',
      help: 'Answers kept to stand in for failures, failures for which one did, and failures for which there was none.',
      type: 'counter',
      samples: (['kept', 'served', 'missed'] as const).map((event) => ({
        labels: { event },
        value: fallback[event],
      })),
    },
  ]
}

const labelsOf = ({ slug, tenantId }: ServerTraffic): { tenant: string; server: string } => ({
  tenant: tenantId,
  server: slug === '' ? OTHERS : slug,
})

const durationsOf = (server: ServerTraffic): Sample[] =>
  [...server.durations()].flatMap(({ atMost, count, methodClass, sumMs }) => {
    const labels = { ...labelsOf(server), method: methodClass }
    return [
      ...atMost.map((value, index) => ({
        suffix: '_bucket' as const,
        labels: { ...labels, le: String((DURATION_BOUNDS_MS[index] ?? 0) / 1000) },
        value,
      })),
      { suffix: '_bucket' as const, labels: { ...labels, le: '+Inf' }, value: count },
      { suffix: '_sum' as const, labels, value: sumMs / 1000 },
      { suffix: '_count' as const, labels, value: count },
    ]
  })

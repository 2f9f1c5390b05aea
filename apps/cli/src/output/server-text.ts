import type { ServerView } from '../gateway-client/gateway-client.ts'
import type { Output } from './output.ts'
import { printable } from './printable.ts'
import { redactedArguments, redactedUrl } from './redact.ts'

type Endpoint = ServerView['endpoints'][number]

const STYLE: Readonly<Record<string, Parameters<Output['style']>[0]>> = {
  healthy: 'green',
  degraded: 'yellow',
  needs_login: 'yellow',
  starting: 'yellow',
  unhealthy: 'red',
  unknown: 'dim',
  maintenance: 'dim',
}

/** A status in its colour. */
export const statusText = (output: Output, status: string, text: string = status): string =>
  output.style(STYLE[status] ?? 'reset', text)

/** Where an endpoint is: its URL, or its command line. Secrets that were put there are blotted out. */
export const addressOf = (endpoint: Endpoint): string =>
  endpoint.url === undefined
    ? [endpoint.command ?? '', ...redactedArguments(endpoint.args ?? [])].map(quoted).join(' ')
    : redactedUrl(endpoint.url)

const quoted = (word: string): string => (/^[\w@%+=:,./•-]+$/u.test(word) ? word : JSON.stringify(word))

/** What the last probe of an endpoint says, in a few words. */
export const probeText = ({ probe }: Endpoint): string =>
  printable(
    [
      probe.message,
      probe.era === undefined ? undefined : `${probe.era} protocol`,
      probe.latencyMs === undefined ? undefined : `${Math.round(probe.latencyMs)} ms`,
    ]
      .filter((part) => part !== undefined && part !== '')
      .join(', '),
  )

/** How long ago a time was, such as `12 s ago`. */
export const ageText = (time: string | undefined, now: number = Date.now()): string => {
  if (time === undefined) return 'never'
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000))
  if (seconds < 90) return `${seconds} s ago`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`
  return seconds < 129_600
    ? `${Math.round(seconds / 3600)} h ago`
    : `${Math.round(seconds / 86_400)} days ago`
}

/** What the processes of an endpoint that is a command are doing; undefined for one with a URL. */
export const liveText = ({ live }: Endpoint): string | undefined => {
  if (live === undefined) return undefined
  const count = live.processes === 1 ? '1 process' : `${live.processes} processes`
  return [
    `${live.state}, ${count}`,
    live.lastErrorLine === undefined ? '' : `; last words: ${printable(live.lastErrorLine)}`,
  ].join('')
}

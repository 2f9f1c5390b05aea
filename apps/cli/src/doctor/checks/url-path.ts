import { redactedUrl } from '../../output/redact.ts'
import { type Check, type Finding, ok, problem, skipped } from '../check.ts'

const ANSWER_MS = 5000
const USUAL_PATHS = ['/mcp', '/mcp/', '/sse', '/api/mcp', '/'] as const
const PING = JSON.stringify({ jsonrpc: '2.0', id: 'mreg-doctor', method: 'ping' })

/** The URL of a server leads to a web page, or nowhere: its path is wrong. */
export const urlPath: Check = {
  name: 'url-path',
  title: 'Addresses',
  needsServers: true,
  run: async (facts) => {
    const findings: Finding[] = []
    for (const { slug, endpoints } of await facts.serversIfAny()) {
      for (const { url, probe } of endpoints) {
        if (url === undefined) continue
        if (probe.status === 'healthy') findings.push(ok(`${slug} answers`))
        else findings.push(await judge(slug, url))
      }
    }
    return findings.length === 0 ? [skipped('no server has a URL')] : findings
  },
}

/** What answers at a URL. */
type Answer = 'mcp' | 'sse' | 'locked' | 'web-page' | 'not-found' | 'silent' | 'other'

const judge = async (slug: string, url: string): Promise<Finding> => {
  const shown = redactedUrl(url)
  const answer = await ask(url)
  switch (answer) {
    case 'mcp':
      return ok(`${slug} answers at ${shown} now; mreg probe ${slug} tells the gateway`)
    case 'locked':
      return ok(`${slug} answers at ${shown}, and wants credentials`)
    case 'silent':
      return problem(
        `${slug}: nothing answers at ${shown}`,
        'Is it running, and is the port right? If it has just been started: mreg probe ' + slug,
      )
    case 'sse':
    case 'web-page':
    case 'not-found':
    case 'other': {
      const better = answer === 'sse' ? { url, answer } : await search(url)
      const found = `${slug}: at ${shown} there is ${WORDS[answer]}`
      if (better === undefined)
        return problem(found, 'Look up its path in the documentation of the server; /mcp and /sse are usual.')
      const transport = better.answer === 'sse' ? ' --transport sse' : ''
      return problem(
        better.url === url ? `${slug}: ${shown} speaks the older HTTP+SSE transport` : found,
        `${better.url === url ? 'Register it so' : `An MCP server answers at ${redactedUrl(better.url)}`}:`,
        `mreg remove ${slug} && mreg add ${slug} ${redactedUrl(better.url)}${transport}`,
      )
    }
  }
  return skipped(slug)
}

const WORDS: Readonly<Record<Exclude<Answer, 'mcp' | 'locked' | 'silent'>, string>> = {
  sse: 'an event stream',
  'web-page': 'a web page, not an MCP server',
  'not-found': 'nothing (404)',
  other: 'something that is no MCP server',
}

const search = async (
  url: string,
): Promise<{ url: string; answer: 'mcp' | 'sse' | 'locked' } | undefined> => {
  for (const path of USUAL_PATHS) {
    const candidate = new URL(path, url).href
    if (candidate === url) continue
    const answer = await ask(candidate)
    if (answer === 'mcp' || answer === 'sse' || answer === 'locked') return { url: candidate, answer }
  }
  return undefined
}

/** Asks without any credentials: they are the gateway's, and not for a URL that may be wrong. */
const ask = async (url: string): Promise<Answer> => {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: PING,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const type = response.headers.get('content-type') ?? ''
    if (response.status === 401 || response.status === 403) return await closed(response, 'locked')
    if (type.includes('text/event-stream')) return await closed(response, 'mcp')
    if (type.includes('json') && (await response.text()).includes('"jsonrpc"')) return 'mcp'
    await response.body?.cancel()
    if (await isEventStream(url)) return 'sse'
    if (type.includes('text/html') && response.status !== 404) return 'web-page'
    return response.status === 404 ? 'not-found' : 'other'
  } catch {
    return 'silent'
  }
}

const isEventStream = async (url: string): Promise<boolean> => {
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream' },
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  await response.body?.cancel()
  return response.ok && (response.headers.get('content-type') ?? '').includes('text/event-stream')
}

const closed = async (response: Response, answer: Answer): Promise<Answer> => {
  await response.body?.cancel()
  return answer
}

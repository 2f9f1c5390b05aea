/** Which requests go through an HTTP proxy. */
export interface ProxyOptions {
  /** For http targets: an http or https URL, perhaps with credentials. Undefined: none. */
  readonly http?: URL | string | undefined
  /** For https targets. Undefined: none. */
  readonly https?: URL | string | undefined
  /** Targets that are reached without a proxy, in the form of `NO_PROXY`. Loopback is always one. Default none. */
  readonly noProxy?: string | undefined
  /**
   * Whether names are resolved here too, so that an egress policy can judge their addresses before the proxy is asked. A
   * name that cannot be resolved here then fails as `dns`. False leaves that judgement to the proxy. Default true.
   */
  readonly resolveNames?: boolean | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxies that an environment names: `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, in small or capital
 * letters (small ones win). Undefined when it names none.
 *
 * @throws {RangeError} naming the variable whose value is not the URL of an HTTP proxy; the value may hold a password and
 * is not repeated.
 */
export const proxyFromEnvironment = (environment: Environment): ProxyOptions | undefined => {
  const all = read(environment, 'all_proxy')
  // In a CGI program HTTP_PROXY is a header of the client (CVE-2016-5385).
  const isCgi = environment['REQUEST_METHOD'] !== undefined
  const http = read(isCgi ? { http_proxy: environment['http_proxy'] } : environment, 'http_proxy') ?? all
  const https = read(environment, 'https_proxy') ?? all
  if (http === undefined && https === undefined) return undefined
  const noProxy = environment['no_proxy'] ?? environment['NO_PROXY']
  return { http, https, noProxy }
}

const read = (environment: Environment, name: string): URL | undefined => {
  for (const variable of [name, name.toUpperCase()]) {
    const text = environment[variable]
    if (text === undefined || text === '') continue
    return parseProxyUrl(text, variable)
  }
  return undefined
}

/**
 * The URL of a proxy; without a scheme it is an http one.
 *
 * @throws {RangeError} with `label` in place of the text.
 */
export const parseProxyUrl = (value: URL | string, label: string): URL => {
  const text = typeof value === 'string' ? value.trim() : value.href
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url
  throw new RangeError(`${label} is not the URL of an HTTP proxy, such as http://proxy.example:3128`)
}

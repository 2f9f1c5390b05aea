import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import { type Check, type Finding, ok, problem, warning } from '../check.ts'
import type { Environment } from '../facts.ts'
import { tlsFaultOf } from '../tls-fault.ts'

const PROXY_VARIABLES = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'all_proxy',
] as const

/** Proxies and certificate authorities of a company network. */
export const proxyAndCertificates: Check = {
  name: 'proxy-and-certificates',
  title: 'Network',
  run: async (facts) => {
    const findings = [...proxyFindings(facts.environment), ...(await authorityFindings(facts.environment))]
    for (const { slug, endpoints } of await facts.serversIfAny()) {
      for (const { url, probe } of endpoints) {
        if (url?.startsWith('https:') !== true || !isAboutTls(probe.message)) continue
        const { text, mend } = await tlsFaultOf(url)
        findings.push(problem(`${slug}: ${text}`, ...mend))
      }
    }
    return findings.length === 0 ? [ok('no proxy and no certificate authority of your own is set')] : findings
  },
}

const proxyFindings = (environment: Environment): Finding[] => {
  const set = PROXY_VARIABLES.filter((name) => (environment[name] ?? '') !== '')
  if (set.length === 0) return []
  const wrong = set.filter((name) => !isProxyUrl(environment[name] ?? ''))
  if (wrong.length > 0) {
    return wrong.map((name) =>
      problem(
        `${name} is not the URL of a proxy`,
        `Write it as http://proxy.example.com:8080, or unset ${name}.`,
      ),
    )
  }
  const exceptions = new Set(
    `${environment['NO_PROXY'] ?? ''},${environment['no_proxy'] ?? ''}`.split(',').map((name) => name.trim()),
  )
  const local = ['localhost', '127.0.0.1', '*'].some((name) => exceptions.has(name))
  return [
    local
      ? ok(`a proxy is set (${set.join(', ')}), and not for this machine`)
      : warning(
          `a proxy is set (${set.join(', ')}), also for this machine: clients may ask it for the gateway`,
          'Set NO_PROXY=localhost,127.0.0.1,::1',
        ),
  ]
}

const authorityFindings = async ({ NODE_EXTRA_CA_CERTS: file = '' }: Environment): Promise<Finding[]> => {
  if (file === '') return []
  try {
    // Throws for what is no certificate; Node itself only warns, at a start that nobody sees.
    const { subject } = new X509Certificate(await readFile(file))
    return [ok(`NODE_EXTRA_CA_CERTS holds the certificate of ${nameIn(subject)}`)]
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    return [
      problem(
        `NODE_EXTRA_CA_CERTS names ${file}, which ${code === 'ENOENT' ? 'does not exist' : `holds no certificate in PEM form (${code})`}`,
        'Export the certificate of the authority as PEM, or unset NODE_EXTRA_CA_CERTS.',
      ),
    ]
  }
}

const nameIn = (subject: string): string => /^(?:CN|O)=(.+)$/mu.exec(subject)?.[1] ?? 'somebody'

const isProxyUrl = (text: string): boolean =>
  URL.canParse(text) && /^(https?|socks[45]?h?):$/u.test(new URL(text).protocol)

const isAboutTls = (message: string | undefined): boolean =>
  message !== undefined && /secure connection|certificate|tls|ssl/iu.test(message)

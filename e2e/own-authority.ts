import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { promisify } from 'node:util'

import { findExecutable } from '@mreg/testing'

const run = promisify(execFile)

/** A certificate authority that was made for one test, and a certificate of it for this machine. */
export interface OwnAuthority {
  /** Its own certificate, as a file: what others have to trust. */
  readonly certificate: string
  /** Directives by which an nginx listens with TLS at a port of 127.0.0.1. */
  nginxDirectives(port: number): readonly string[]
}

const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'

/** The openssl of this machine; undefined when it has none. */
export const findOpenssl = (): Promise<string | undefined> => findExecutable('openssl')

/** Makes one in a new directory. */
export const createOwnAuthority = async (openssl: string, directory: string): Promise<OwnAuthority> => {
  await mkdir(directory, { recursive: true })
  const at = (name: string): string => join(directory, name)
  await writeFile(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
  const make = (words: string, ...more: readonly string[]): Promise<unknown> =>
    run(openssl, [...words.split(' '), ...more], { cwd: directory })
  const authority = ['-subj', '/CN=An authority of a test', '-addext', 'keyUsage=critical,keyCertSign']
  await make(`req -x509 ${NEW_KEY} -keyout ca.key -out ca.pem -days 2`, ...authority)
  await make(`req ${NEW_KEY} -keyout own.key -out own.csr -subj /CN=localhost`)
  await make(
    'x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out own.pem',
  )
  return {
    certificate: at('ca.pem'),
    nginxDirectives: (port) => [
      `listen 127.0.0.1:${port} ssl;`,
      `ssl_certificate ${at('own.pem')};`,
      `ssl_certificate_key ${at('own.key')};`,
      'proxy_set_header Host $http_host;',
      'proxy_set_header X-Forwarded-Proto $scheme;',
    ],
  }
}

/** Lets this process trust it, until the function that comes back is called. */
export const trust = async ({ certificate }: OwnAuthority): Promise<() => void> => {
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, await readFile(certificate, 'utf8')])
  return () => setDefaultCACertificates(before)
}

import type { SecureContextOptions } from 'node:tls'

/** What is used in TLS handshakes. */
export interface PoolTlsOptions extends Pick<
  SecureContextOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'minVersion'
> {
  /** Certificates of authorities, in PEM, that are trusted besides the usual ones. Not read when `ca` is given. */
  readonly extraCa?: string | readonly string[] | undefined
  /**
   * Whether the authorities that the system trusts are trusted besides those of Node.js. Not read when `ca` is given. Needs
   * Node.js 22.15; before it, nothing is added. Default false.
   */
  readonly systemCa?: boolean | undefined
}

/** TLS with one endpoint, in place of the pool's. Keep the object and give it with every request to that endpoint. */
export interface EndpointTlsOptions extends PoolTlsOptions {
  /** The name in the certificate, and the one that is sent. Default: the host in the URL. */
  readonly servername?: string | undefined
}

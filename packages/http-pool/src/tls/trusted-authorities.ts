import * as tls from 'node:tls'

import type { PoolTlsOptions } from './pool-tls-options.ts'

/** The authorities to trust; undefined: those that Node.js trusts by itself (`NODE_EXTRA_CA_CERTS` included). */
export const trustedAuthorities = ({
  ca,
  extraCa,
  systemCa,
}: PoolTlsOptions): tls.SecureContextOptions['ca'] => {
  if (ca !== undefined) return ca
  if (extraCa === undefined && systemCa !== true) return undefined
  const extra = extraCa === undefined ? [] : [extraCa].flat()
  return [
    ...new Set([...certificates('default'), ...(systemCa === true ? certificates('system') : []), ...extra]),
  ]
}

/** `tls.getCACertificates` came with Node.js 22.15. */
const certificates = (type: 'default' | 'system'): readonly string[] => {
  if (typeof tls.getCACertificates === 'function') return tls.getCACertificates(type)
  return type === 'default' ? tls.rootCertificates : []
}

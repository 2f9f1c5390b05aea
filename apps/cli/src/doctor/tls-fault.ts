import { once } from 'node:events'
import { connect } from 'node:tls'

/** Why no secure connection can be made, and what to do about it. */
export interface TlsFault {
  readonly text: string
  readonly mend: readonly string[]
}

const CONNECT_MS = 5000

const AUTHORITY =
  'Set NODE_EXTRA_CA_CERTS to the PEM file of its authority where the gateway runs, and start the gateway again.'

/** Tries the secure connection that the gateway could not make, and says what keeps it from being made. */
export const tlsFaultOf = async (url: string): Promise<TlsFault> => {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[(.*)\]$/u, '$1')
  const socket = connect({ host, port: port === '' ? 443 : Number(port), servername: serverName(host) })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(CONNECT_MS) })
    return {
      text: 'a secure connection can be made from here, but not by the gateway',
      mend: [AUTHORITY],
    }
  } catch (error) {
    return describe(error instanceof Error && 'code' in error ? String(error.code) : '')
  } finally {
    socket.destroy()
  }
}

/** An address is no name (RFC 6066, section 3). */
const serverName = (host: string): string => (/^[\d.]+$|:/u.test(host) ? '' : host)

const describe = (code: string): TlsFault => {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return {
        text: `its certificate is from nobody whom this machine trusts (${code})`,
        mend: [AUTHORITY, 'Behind a proxy that opens TLS, that is the authority of the proxy.'],
      }
    case 'CERT_HAS_EXPIRED':
      return { text: 'its certificate has expired', mend: ['Whoever runs the server has to renew it.'] }
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        text: 'its certificate is for another name',
        mend: ['Register it with the name that the certificate is for.'],
      }
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'EPROTO':
      return {
        text: 'what listens there does not speak TLS',
        mend: ['If it speaks plain HTTP, register it with http:// in place of https://'],
      }
    default:
      return {
        text: `no secure connection could be made${code === '' ? '' : ` (${code})`}`,
        mend: [AUTHORITY],
      }
  }
}

import type { ConnectionOptions } from 'node:tls'

/**
 * How connections are secured.
 *
 * - `disable` (or false): not at all.
 * - `require`: encrypted; whoever answers is believed to be the server.
 * - `verify-full` (or true): the server shows a certificate for its name from an authority that Node trusts.
 * - Node's own options: as `verify-full`, with a private authority in `ca`, a client certificate in `cert` and `key`.
 */
export type TlsMode = 'disable' | 'require' | 'verify-full' | boolean | ConnectionOptions

/** The same for node-postgres. */
export const tlsOptions = (mode: TlsMode): boolean | ConnectionOptions => {
  if (mode === 'disable') {
    return false
  }
  return typeof mode === 'string' ? { rejectUnauthorized: mode === 'verify-full' } : mode
}

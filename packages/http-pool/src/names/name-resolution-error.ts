/**
 * Why a name has no address: `ENOTFOUND` (there is none), `ETIMEOUT` (nobody answered in time), `EBUSY` (too many names
 * are being asked for), or what the server said, such as `ESERVFAIL`.
 */
export class NameResolutionError extends Error {
  override readonly name = 'NameResolutionError'
  readonly code: string
  readonly hostname: string
  readonly syscall = 'resolve'

  constructor(code: string, hostname: string) {
    super(`cannot resolve ${hostname} (${code})`)
    this.code = code
    this.hostname = hostname
  }
}

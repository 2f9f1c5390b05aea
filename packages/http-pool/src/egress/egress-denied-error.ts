import type { AddressKind } from './address-kind.ts'

/** An egress guard does not let requests go to this address. */
export class EgressDeniedError extends Error {
  override readonly name = 'EgressDeniedError'
  readonly code = 'ERR_EGRESS_DENIED'
  readonly hostname: string
  /** Undefined when the name alone was enough. */
  readonly address: string | undefined
  readonly kind: AddressKind

  constructor(hostname: string, address: string | undefined, kind: AddressKind) {
    const what = address === undefined || address === hostname ? hostname : `${hostname} (${address})`
    super(
      `requests may not go to ${what}: ${kind === 'public' ? 'not on the allow-list' : `a ${kind} address`}`,
    )
    this.hostname = hostname
    this.address = address
    this.kind = kind
  }
}

import { type BlockList, isIP } from 'node:net'

import { blockListOf, isListed } from '../egress/address-kind.ts'
import { canonicalHost } from '../egress/host-names.ts'

interface HostEntry {
  readonly host: string
  /** Undefined: every port. */
  readonly port: number | undefined
}

/** An address or a name, perhaps in brackets, perhaps with a port. */
const ENTRY = /^(?:\[(?<bracketed>[^\]]+)\]|(?<bare>[^:]+|.*:.*:.*))(?::(?<port>\d{1,5}))?$/u

/**
 * What `NO_PROXY` says, as curl reads it: entries with commas or blanks between, each a host name that stands for itself
 * and all below it (`example.com`, `.example.com`, `*.example.com`), an address, a range (`10.0.0.0/8`), any of the first
 * two with a port, or `*` for everything. What cannot be read matches nothing.
 */
export class NoProxy {
  #matchesAll = false
  readonly #networks: BlockList
  readonly #entries: HostEntry[] = []

  constructor(list: string) {
    const ranges: string[] = []
    for (const text of list.split(/[\s,]+/u)) {
      if (text === '*') this.#matchesAll = true
      else if (text.includes('/')) ranges.push(text)
      else this.#add(text)
    }
    this.#networks = blockListOf(ranges.filter(isRange))
  }

  /** @param hostname without brackets. */
  matches(hostname: string, port: number): boolean {
    if (this.#matchesAll) return true
    const host = canonicalHost(hostname)
    const isAddress = isIP(host) !== 0
    if (isAddress && isListed(this.#networks, host)) return true
    return this.#entries.some((entry) => {
      if (entry.port !== undefined && entry.port !== port) return false
      return entry.host === host || (!isAddress && host.endsWith(`.${entry.host}`))
    })
  }

  #add(text: string): void {
    const { bracketed, bare, port } = ENTRY.exec(text)?.groups ?? {}
    // A bare IPv6 address has no port: its last group would be taken for one.
    const isBareIpv6 = bracketed === undefined && isIP(text) === 6
    const written = isBareIpv6 ? text : (bracketed ?? bare ?? '')
    const host = canonicalHost(written.replace(/^\*?\./u, ''))
    if (host === '') return
    this.#entries.push({ host, port: port === undefined || isBareIpv6 ? undefined : Number(port) })
  }
}

const isRange = (range: string): boolean => {
  try {
    blockListOf([range])
    return true
  } catch {
    return false
  }
}

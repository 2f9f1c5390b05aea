import { isIP } from 'node:net'

/** Addresses by name (lower case, without a final dot), in the order of the file. */
export type HostsTable = ReadonlyMap<string, readonly string[]>

/** Reads the text of a hosts file; lines that do not start with an address are passed over (hosts(5)). */
export const parseHosts = (text: string): HostsTable => {
  const table = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/u)
    if (isIP(address) === 0) continue
    for (const written of names) {
      const name = written.toLowerCase().replace(/\.$/u, '')
      const known = table.get(name)
      if (known === undefined) table.set(name, [address])
      else if (!known.includes(address)) known.push(address)
    }
  }
  return table
}

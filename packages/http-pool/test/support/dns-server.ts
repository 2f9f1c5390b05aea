import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'

/** What the server says about a name: addresses with a time to live, a refusal by number, or nothing at all. */
export type DnsZone = ReadonlyMap<
  string,
  { readonly addresses: readonly string[]; readonly ttl?: number } | { readonly code: number } | 'silent'
>

export interface TestDnsServer extends AsyncDisposable {
  /** `address:port`. */
  readonly address: string
  /** `name type` of every query so far, in lower case. */
  readonly queries: readonly string[]
}

const TYPE_NAMES: Readonly<Record<number, string>> = { 1: 'A', 28: 'AAAA' }
const NXDOMAIN = 3

/** A name server for A and AAAA on 127.0.0.1 over UDP (RFC 1035); what the zone does not hold does not exist. */
export async function startDnsServer(zone: DnsZone): Promise<TestDnsServer> {
  const socket = createSocket('udp4')
  const queries: string[] = []
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const { name, type, end } = readQuestion(query)
    const typeName = TYPE_NAMES[type] ?? String(type)
    queries.push(`${name} ${typeName}`)
    const known = zone.get(name)
    if (known === 'silent') return
    const isRefused = known !== undefined && 'code' in known
    const wanted = typeName === 'A' ? 4 : 6
    const addresses =
      known === undefined || isRefused ? [] : known.addresses.filter((address) => isIP(address) === wanted)
    const ttl = known === undefined || isRefused ? 0 : (known.ttl ?? 60)
    const code = known === undefined ? NXDOMAIN : isRefused ? known.code : 0
    const header = Buffer.alloc(12)
    header.writeUInt16BE(query.readUInt16BE(0), 0)
    header.writeUInt16BE(0x81_80 | code, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(addresses.length, 6)
    const records = addresses.map((address) => recordOf(address, type, ttl))
    socket.send(Buffer.concat([header, query.subarray(12, end), ...records]), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    queries,
    async [Symbol.asyncDispose]() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

function recordOf(address: string, type: number, ttl: number): Buffer {
  const data = isIP(address) === 4 ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address)
  const head = Buffer.alloc(12)
  // The name of the question, by reference.
  head.writeUInt16BE(0xc0_0c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(ttl, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::')
  const [before, after] = [groups(head), groups(tail)]
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

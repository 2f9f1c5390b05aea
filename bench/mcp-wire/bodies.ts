import { Buffer } from 'node:buffer'

/** A request body and what it stands for. */
export interface Body {
  readonly name: string
  readonly bytes: Buffer
}

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
}

function toolCall(name: string, args: object, beforeName: object = {}): Buffer {
  const params = { ...beforeName, _meta: META, name, arguments: args }
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }))
}

function small(): Buffer {
  return toolCall('echo', {
    message: 'hello from the bench',
    options: { upper: false, times: 3 },
    tags: ['a', 'b'],
  })
}

function records(bytes: number, make: (index: number) => unknown): unknown[] {
  const items: unknown[] = []
  for (let size = 0; size < bytes;) {
    const item = make(items.length)
    size += JSON.stringify(item).length + 1
    items.push(item)
  }
  return items
}

const KIB_64 = 64 * 1024

/** The bodies that the scan is compared on; the first three are what its target is about. */
export const BODIES: readonly Body[] = [
  { name: '300 B tools/call', bytes: small() },
  { name: '64 KiB of small objects', bytes: toolCall('store', { items: records(KIB_64, record) }) },
  {
    name: '64 KiB in one string',
    bytes: toolCall('write', { text: 'All work and no play. '.repeat(KIB_64 / 22) }),
  },
  {
    name: '64 KiB of source text (escapes)',
    bytes: toolCall('write', { text: 'if (name === "x") {\n\treturn "y" // done\n}\n'.repeat(KIB_64 / 46) }),
  },
  {
    name: '64 KiB of non-ASCII text',
    bytes: toolCall('write', { text: 'Straße, 東京, naïve café. '.repeat(KIB_64 / 34) }),
  },
  {
    name: '64 KiB of numbers',
    bytes: toolCall('embed', { vector: records(KIB_64, (index) => Math.sin(index + 1)) }),
  },
  {
    name: '64 KiB in one object of many keys',
    bytes: toolCall(
      'map',
      Object.fromEntries(Array.from({ length: 4000 }, (_value, index) => [`key_${index}`, index])),
    ),
  },
  {
    name: '64 KiB, pretty-printed',
    bytes: prettyPrinted(toolCall('store', { items: records(28_000, record) })),
  },
]

function record(index: number): object {
  return {
    id: index,
    title: `Record number ${index}`,
    done: index % 3 === 0,
    score: index * 1.25,
    owner: { name: 'someone', mail: 'someone@example.com' },
  }
}

function prettyPrinted(bytes: Buffer): Buffer {
  return Buffer.from(JSON.stringify(JSON.parse(bytes.toString()), undefined, 2))
}

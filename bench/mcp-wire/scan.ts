// Claim: one scan of a message, with every check it makes, costs no more than JSON.parse of the same body.
// Run: node --conditions=@mreg/source bench/mcp-wire/scan.ts
// The subjects take turns in every round, and a ratio is taken inside a round: what else the machine does hits them
// alike. Ratios are medians over the rounds.
import { scanMessage } from '@mreg/mcp-wire'

import { BODIES, type Body } from './bodies.ts'

const ROUNDS = 21
const ROUND_MS = 12

interface Subject {
  readonly name: string
  /** Does the work once and gives a number that depends on it, so that it cannot be left out. */
  readonly run: (body: Body, text: string) => number
}

const REFERENCE = 'JSON.parse(bytes.toString())'

const SUBJECTS: readonly Subject[] = [
  { name: 'scanMessage', run: ({ bytes }) => scanMessage(bytes).paramsSpan?.start ?? 0 },
  {
    name: 'scanMessage, duplicateKeys envelope',
    run: ({ bytes }) => scanMessage(bytes, { duplicateKeys: 'envelope' }).paramsSpan?.start ?? 0,
  },
  {
    name: REFERENCE,
    run: ({ bytes }) => JSON.parse(bytes.toString()).id,
  },
  { name: 'JSON.parse of the text at hand', run: (_body, text) => JSON.parse(text).id },
]

let sum = 0

/** Microseconds per call. */
function measureUs(work: () => number, calls: number): number {
  const start = process.hrtime.bigint()
  for (let call = 0; call < calls; call++) sum += work()
  return Number(process.hrtime.bigint() - start) / 1000 / calls
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

function compare(body: Body): void {
  const text = body.bytes.toString()
  const contestants = SUBJECTS.map(({ name, run }) => ({
    name,
    work: () => run(body, text),
    rounds: [] as number[],
  }))
  for (const { work } of contestants) measureUs(work, Math.max(200, Math.ceil(3_000_000 / body.bytes.length)))
  const calls = contestants.map(({ work }) => Math.max(5, Math.ceil((ROUND_MS * 1000) / measureUs(work, 50))))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { work, rounds }] of contestants.entries()) rounds.push(measureUs(work, calls[index]!))
  }
  const reference = contestants.find(({ name }) => name === REFERENCE)!.rounds
  console.log(`\n${body.name} (${body.bytes.length} B)`)
  for (const { name, rounds } of contestants) {
    const ratio = median(rounds.map((value, round) => value / reference[round]!))
    console.log(
      `  ${name.padEnd(36)} ${median(rounds).toFixed(2).padStart(9)} µs ${ratio.toFixed(2).padStart(7)}x`,
    )
  }
}

for (const body of BODIES) compare(body)
if (!Number.isFinite(sum)) throw new Error('unreachable: the outcomes are numbers')

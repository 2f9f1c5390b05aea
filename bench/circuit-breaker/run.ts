import { cpus } from 'node:os'

import { tryBehaviour } from './behaviour.ts'
import { measureBundles } from './bundle-size.ts'
import { measureClosedCalls } from './closed-calls.ts'
import { measureMemory } from './memory.ts'
import { measurePermitPairs } from './permit-pairs.ts'
import { measureRejections } from './rejections.ts'
import { bytes, nanoseconds, printTable, times } from './table.ts'
import { isMet, targetsOf } from './targets.ts'

/** @mreg/circuit-breaker beside opossum and cockatiel, on this machine, in one run. Names without a library are ours. */
console.log(`Node ${process.version} on ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`)

const closed = await measureClosedCalls()
const own = (closed.results.get('execute, consecutive') ?? Number.NaN) - closed.bare
printTable(
  'A call through a closed circuit',
  ['', 'ns/call', 'over bare', 'overhead against ours'],
  [...closed.results].map(([name, ns]) => [
    name,
    nanoseconds(ns),
    nanoseconds(ns - closed.bare),
    name === 'bare await' ? '' : times((ns - closed.bare) / own),
  ]),
)

const pairs = await measurePermitPairs()
printTable(
  'A permit taken and settled',
  ['', 'ns'],
  [...pairs].map(([name, ns]) => [name, nanoseconds(ns)]),
)

const rejections = await measureRejections()
const cockatielRefusal = rejections.get('cockatiel execute()') ?? Number.NaN
printTable(
  'A call refused by an open circuit',
  ['', 'ns', 'millions per second', 'against cockatiel'],
  [...rejections].map(([name, ns]) => [
    name,
    nanoseconds(ns),
    (1000 / ns).toFixed(3),
    times(cockatielRefusal / ns),
  ]),
)

const memory = measureMemory()
const ownHeap = memory.get('consecutive, shared policy')?.heap ?? Number.NaN
printTable(
  'Memory of each of 100 000 breakers that were used, and what they take when idle',
  ['', 'heap bytes', 'off-heap bytes', 'heap against ours', 'idle, % of a core'],
  [...memory].map(([name, { heap, offHeap, idleShare }]) => [
    name,
    bytes(heap),
    bytes(offHeap),
    times(heap / ownHeap),
    (idleShare * 100).toFixed(1),
  ]),
)

const bundles = await measureBundles()
printTable(
  'Bundle size',
  ['', 'minified', 'gzipped'],
  [...bundles].map(([name, { minified, gzipped }]) => [name, bytes(minified), bytes(gzipped)]),
)

printTable('Where a breaker can do wrong', ['', 'ours', 'opossum', 'cockatiel'], await tryBehaviour())

printTable(
  'Targets',
  ['', 'measured', 'target', ''],
  targetsOf({ closed, pairs, rejections, memory, bundles }).map((target) => [
    target.name,
    target.measured.toFixed(target.measured < 10 ? 2 : 0),
    `${target.kind} ${target.limit}`,
    isMet(target) ? 'met' : 'missed',
  ]),
)
process.exit(0)

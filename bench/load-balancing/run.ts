import { machine, printSamples } from '../samples.ts'
import { countCollections, measurePicks } from './picks.ts'
import { measureTails } from './tail.ts'

/** @mreg/load-balancing on this machine, in one run. Names without a library are ours. */
console.log(machine())
for (const count of [3, 10, 100]) {
  printSamples(`A pick among ${count}`, await measurePicks(count), 'ns')
}

const PICKS = 10_000_000
console.log(`\nGarbage collections during ${PICKS} picks among 10\n`)
for (const [name, collections] of await countCollections(PICKS)) {
  console.log(`${name.padEnd(23)} ${collections}`)
}

console.log('\nOne of five replicas becomes ten times slower (simulated time)\n')
console.log(`${''.padEnd(18)} ${'p50 ms'.padStart(9)} ${'p99 ms'.padStart(9)} ${'its share'.padStart(10)}`)
for (const [name, { p50, p99, slowShare }] of measureTails()) {
  const share = `${(slowShare * 100).toFixed(1)} %`
  console.log(
    `${name.padEnd(18)} ${p50.toFixed(1).padStart(9)} ${p99.toFixed(0).padStart(9)} ${share.padStart(10)}`,
  )
}

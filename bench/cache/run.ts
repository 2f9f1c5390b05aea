import { machine, printSamples } from '../samples.ts'
import { measureInProcess } from './in-process.ts'
import { measureOnRedis } from './on-redis.ts'

/** @mreg/cache beside the LRU and the client that it is built on, on this machine, in one run. Names without a library are ours. */
console.log(machine())
const inProcess = await measureInProcess()
printSamples('In this process, 1 000 keys of 200 bytes', inProcess)
const onRedis = await measureOnRedis()
for (const { title, samples } of onRedis) printSamples(title, samples)

const hitUs = inProcess.get('get, a hit')?.wallUs ?? Number.NaN
const trip = onRedis[0]?.samples
const local = trip?.get('get, client-side cache')?.ratio ?? Number.NaN
const said = (met: boolean): string => (met ? 'met' : 'missed')
console.log('\nTargets\n')
console.log(`a hit in process: ${hitUs.toFixed(3)} µs, at most 1: ${said(hitUs <= 1)}`)
console.log(
  `a hit of the client-side cache: ${(1 / local).toFixed(0)}x a round trip, at least 10: ${said(1 / local >= 10)}`,
)
process.exit(0)

import { pathToFileURL } from 'node:url'

import type { Library } from '../model/config.ts'
import { properties } from '../properties/all.ts'

/**
 * Run as a process of its own, for one mutant: `node try-mutant.ts <its index.ts> <runs>`. Prints the property that noticed
 * it, or nothing.
 */
const [, , entry = '', runs = '1'] = process.argv
process.on('unhandledRejection', () => {
  console.log('an unhandled rejection')
  process.exit(0)
})
const library: Library = await import(pathToFileURL(entry).href)
console.error = () => {}
for (const { name, check, numRuns } of properties) {
  try {
    await check(library, { numRuns: Math.ceil(numRuns * Number(runs)), endOnFailure: true, seed: 20_261_122 })
  } catch {
    console.log(name)
    break
  }
}

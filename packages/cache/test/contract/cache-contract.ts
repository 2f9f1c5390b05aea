import { describe } from 'vitest'

import { describeBus } from './bus.ts'
import { describeLoads } from './loads.ts'
import type { OpenCache } from './open-cache.ts'
import { describeTags } from './tags.ts'
import { describeTokens } from './tokens.ts'
import { describeValues } from './values.ts'

/** What every implementation of `Cache` must do. `open` gives an empty cache, connected. */
export const describeCache = (name: string, open: OpenCache): void => {
  describe(`the cache ${name}`, () => {
    describeValues(open)
    describeTags(open)
    describeTokens(open)
    describeLoads(open)
    describeBus(open)
  })
}

import type * as fc from 'fast-check'

import type { Library } from '../model/config.ts'

/** A property of the library, true for any input. Throws with the smallest input that breaks it. */
export type Check = (library: Library, parameters: fc.Parameters<unknown>) => void | Promise<void>

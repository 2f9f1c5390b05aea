import type { ChangePolicy } from '@mreg/core'

/** Shows whatever servers offer, as nobody has decided otherwise. */
export const POLICY: ChangePolicy = { onNew: 'accept', onChange: 'warn', whileQuarantined: 'hide' }

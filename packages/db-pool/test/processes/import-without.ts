// Imports an entry of this package while one package cannot be found.
import { registerHooks } from 'node:module'

const [, , entry = '', missing = ''] = process.argv
registerHooks({
  resolve(specifier, context, next) {
    if (specifier === missing || specifier.startsWith(`${missing}/`)) {
      throw new Error(`${missing} was asked for`)
    }
    return next(specifier, context)
  },
})
const exported: object = await import(entry)
process.stdout.write(`${Object.keys(exported).toSorted().join(' ')}\n`)

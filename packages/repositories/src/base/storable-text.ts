import { type Fault, ValidationError } from '@mreg/core'

/** Whether PostgreSQL can hold the text: it has no place for the character NUL, which JSON has. */
export const isStorableText = (text: string): boolean => !text.includes('\0')

/**
 * Refuses an input that holds text which cannot be stored, wherever it is.
 *
 * @throws {ValidationError} names every such place.
 */
export const requireStorable = (input: unknown): void => {
  const faults = [...faultsOf(input, '')]
  if (faults.length > 0) {
    throw new ValidationError(faults)
  }
}

function* faultsOf(value: unknown, path: string): Generator<Fault> {
  if (typeof value === 'string' && !isStorableText(value)) {
    yield { path, message: 'must not contain the character U+0000' }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      yield* faultsOf(member, path === '' ? name : `${path}.${name}`)
    }
  }
}

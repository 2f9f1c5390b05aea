import { getRandomValues } from 'node:crypto'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u

/** Sorts before every id that was made. */
export const FIRST_ENTITY_ID = '00000000-0000-0000-0000-000000000000'

/**
 * A new id: a UUID of version 7 (RFC 9562, section 5.7), so that rows made one after the other are neighbours
 * in the indexes.
 */
export const newEntityId = (): string => {
  const bytes = Buffer.alloc(16)
  getRandomValues(bytes)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Whether `text` can be an id at all. The database refuses anything else with an error that ends the transaction. */
export const isEntityId = (text: string): boolean => UUID.test(text)

/** When an id was made, to the millisecond. */
export const timeOfEntityId = (id: string): Date =>
  new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16))

/** The first id that could be made at a time: those made before it sort before, those made then or later do not. */
export const firstEntityIdAt = (time: Date): string => {
  const milliseconds = Math.min(Math.max(0, time.getTime()), 2 ** 48 - 1)
  const hex = milliseconds.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}

/** The type `bigint` (`int8`) in PostgreSQL's catalogue. */
export const INT8_OID = 20

/** Reads a `bigint` as a number; as a `bigint` beyond what a number holds exactly. */
export const parseInt8 = (text: string): number | bigint => {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : BigInt(text)
}

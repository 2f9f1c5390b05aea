import { InvalidArgumentError } from 'commander'

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Reads what is written as `30d`. Gives milliseconds. */
export const duration = (text: string): number => {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/u.exec(text) ?? []
  const unitMs = UNIT_MS[unit]
  if (unitMs === undefined) throw new InvalidArgumentError('It is a number with s, m, h or d, such as 30d.')
  return Number(count) * unitMs
}

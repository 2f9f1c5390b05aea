import { randomBytes } from 'node:crypto'

const runIdPattern = /^mreg_test_(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)_[0-9a-f]{8}/

/**
 * The name of one test run, used as database name and as start of its Redis keys. It carries the time at which the run
 * began (UTC), so that what a killed run left behind can be told from what is in use.
 */
export function createRunId(now: Date = new Date()): string {
  const moment = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').toLowerCase()
  return `mreg_test_${moment}_${randomBytes(4).toString('hex')}`
}

/** True when `name` begins with the name of a run that began more than a day before `now`. */
export function isLeftOver(name: string, now: Date = new Date()): boolean {
  const match = runIdPattern.exec(name)
  if (match === null) return false
  const [, year, month, day, hour, minute, second] = match
  const began = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return now.getTime() - began > 86_400_000
}

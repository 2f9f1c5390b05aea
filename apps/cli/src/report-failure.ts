import { styleText } from 'node:util'

import { CommandFailure } from './command-failure.ts'
import { GatewayRefusal } from './gateway-client/gateway-refusal.ts'
import { printableLines } from './output/printable.ts'

export interface ReportOptions {
  readonly json: boolean
  readonly stream: NodeJS.WriteStream
}

/** Says on stderr what went wrong and what to do about it; as one line of JSON when results are JSON. */
export const reportFailure = (error: unknown, { json, stream }: ReportOptions): void => {
  if (json) {
    stream.write(`${JSON.stringify({ error: machineView(error) })}\n`)
    return
  }
  const mark = styleText('red', 'mreg:', { stream })
  if (!CommandFailure.is(error)) {
    stream.write(
      `${mark} unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    )
    return
  }
  stream.write(`${mark} ${printableLines(error.message)}\n`)
  for (const hint of error.hints) stream.write(`  ${hint}\n`)
}

const machineView = (error: unknown): Record<string, unknown> => {
  if (!CommandFailure.is(error))
    return { code: 'internal', message: error instanceof Error ? error.message : String(error) }
  const { code, message, hints, exitCode } = error
  const problem = GatewayRefusal.is(error)
    ? { status: error.problem.status, faults: error.problem.faults }
    : {}
  return { code, message, hints, exitCode, ...problem }
}

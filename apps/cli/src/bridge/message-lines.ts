const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20

/** A line was longer than allowed; what there was of it is forgotten. */
export class LineTooLongError extends Error {
  readonly code = 'ERR_LINE_TOO_LONG'
}

/**
 * Reads messages that stand on one line each (MCP, stdio transport) from chunks that are cut anywhere.
 *
 * @param maxBytes longest line; a longer one gives a {@link LineTooLongError} in its place.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Buffer | LineTooLongError> {
  let parts: Uint8Array[] = []
  let length = 0
  const take = (): Buffer | LineTooLongError => {
    const line =
      length > maxBytes
        ? new LineTooLongError(`a message is longer than ${maxBytes} bytes`)
        : Buffer.concat(parts)
    parts = []
    length = 0
    return line
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      length += end - start
      if (length <= maxBytes) parts.push(chunk.subarray(start, end))
      const line = take()
      if (line instanceof LineTooLongError || !isBlank(line)) yield line
      start = end + 1
    }
    length += chunk.length - start
    if (length <= maxBytes) parts.push(chunk.subarray(start))
    else parts = []
  }
  const rest = take()
  if (rest instanceof LineTooLongError || !isBlank(rest)) yield rest
}

/**
 * A message as a line. Line breaks of its layout become blanks: inside a JSON text they can stand nowhere else, since
 * strings have them escaped.
 */
export const asLine = (message: Uint8Array): Buffer => {
  const line = Buffer.alloc(message.length + 1, message)
  line[message.length] = LF
  for (let at = 0; at < message.length; at += 1) if (line[at] === LF || line[at] === CR) line[at] = SPACE
  return line
}

const isBlank = (line: Buffer): boolean =>
  line.every((byte) => byte === SPACE || byte === CR || byte === 0x09)

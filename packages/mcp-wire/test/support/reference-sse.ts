import type { SseEvent } from '../../src/index.ts'

/**
 * The event stream algorithm of WHATWG HTML section 9.2.6, word by word over a whole stream (as Latin-1, so that bytes
 * stay bytes), with the events in the form of the decoder.
 */
export function referenceEvents(stream: Uint8Array): SseEvent[] {
  let text = Buffer.from(stream).toString('latin1')
  if (text.startsWith('\u00ef\u00bb\u00bf')) text = text.slice(3)
  const lines = text.split(/\r\n|\r|\n/)
  lines.pop() // what follows the last line end is no line yet
  const events: SseEvent[] = []
  let data = ''
  let event: string | undefined
  let id: string | undefined
  let retryMs: number | undefined
  for (const line of lines) {
    if (line === '') {
      if (data !== '' || id !== undefined || retryMs !== undefined) {
        const bytes = data === '' ? undefined : Uint8Array.from(Buffer.from(data.slice(0, -1), 'latin1'))
        events.push({ event: event === '' ? undefined : event, id, retryMs, data: bytes })
      }
      data = ''
      event = undefined
      id = undefined
      retryMs = undefined
      continue
    }
    const colon = line.indexOf(':')
    if (colon === 0) continue
    const field = colon === -1 ? line : line.slice(0, colon)
    let value = colon === -1 ? '' : line.slice(colon + 1)
    if (value.startsWith(' ')) value = value.slice(1)
    if (field === 'data') data += `${value}\n`
    if (field === 'event') event = utf8Of(value)
    if (field === 'id' && !value.includes('\0')) id = utf8Of(value)
    if (field === 'retry' && /^[0-9]+$/.test(value) && Number.isSafeInteger(Number(value)))
      retryMs = Number(value)
  }
  return events
}

function utf8Of(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}

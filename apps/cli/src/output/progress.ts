const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const
const FRAME_MS = 100
/** Of a terminal that does not say how wide it is. */
const FALLBACK_COLUMNS = 80
/** What is over sooner needs no word. */
const PATIENCE_MS = 400

/** Says on stderr what is being waited for. */
export interface Progress extends Disposable {
  update(text: string): void
}

/** A line that moves on a terminal; elsewhere one line when the wait gets long, and one at each change. */
export const startProgress = (stream: NodeJS.WriteStream, text: string): Progress =>
  stream.isTTY ? spinner(stream, text) : lines(stream, text)

const spinner = (stream: NodeJS.WriteStream, first: string): Progress => {
  let text = first
  let frame = 0
  let shown = false
  const startedAt = performance.now()
  const timer = setInterval(() => {
    if (performance.now() - startedAt < PATIENCE_MS) return
    const seconds = Math.floor((performance.now() - startedAt) / 1000)
    const age = seconds >= 2 ? ` (${seconds} s)` : ''
    const line = `${FRAMES[frame % FRAMES.length] ?? ''} ${text}${age}`
    stream.write(`\r\u001b[K${line.slice(0, (stream.columns || FALLBACK_COLUMNS) - 1)}`)
    shown = true
    frame += 1
  }, FRAME_MS)
  timer.unref()
  return {
    update: (next) => {
      text = next
    },
    [Symbol.dispose]: () => {
      clearInterval(timer)
      if (shown) stream.write('\r\u001b[K')
      shown = false
    },
  }
}

const lines = (stream: NodeJS.WriteStream, first: string): Progress => {
  let text = first
  let said: string | undefined
  const say = (): void => {
    if (said !== text) stream.write(`${text}\n`)
    said = text
  }
  const timer = setTimeout(say, PATIENCE_MS * 5)
  timer.unref()
  return {
    update: (next) => {
      const speaking = said !== undefined
      text = next
      if (speaking) say()
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}

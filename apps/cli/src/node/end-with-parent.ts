const LOOK_MS = 1000

/**
 * Ends this process, as SIGTERM would, when the one that runs it is gone: the Node.js that handed over to this one, even
 * when it was killed; and npx, which does not pass on the signals that it gets.
 */
export const endWithParent = (): void => {
  if (process.channel !== undefined) {
    process.once('disconnect', end)
    process.channel?.unref()
  } else if (process.env['npm_command'] === 'exec' && process.platform !== 'win32') {
    const parent = process.ppid
    const timer = setInterval(() => {
      if (process.ppid === parent) return
      clearInterval(timer)
      end()
    }, LOOK_MS)
    timer.unref()
  }
}

const end = (): void => {
  process.kill(process.pid, 'SIGTERM')
}

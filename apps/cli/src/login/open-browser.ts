import { spawn } from 'node:child_process'

/** How each system opens a web address; the address is one argument, and no shell reads it. */
const commandFor = (platform: NodeJS.Platform, url: string): readonly [string, readonly string[]] => {
  if (platform === 'darwin') return ['open', [url]]
  if (platform === 'win32') return ['rundll32', ['url.dll,FileProtocolHandler', url]]
  return ['xdg-open', [url]]
}

/** Opens a web address in the browser of the person, if there is one. Whoever has none opens it by hand. */
export const openBrowser = (url: string, platform: NodeJS.Platform = process.platform): void => {
  const { protocol } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:') return
  const [command, args] = commandFor(platform, url)
  const child = spawn(command, args, { stdio: 'ignore', detached: true, shell: false })
  child.once('error', () => {})
  child.unref()
}

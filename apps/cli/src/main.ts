#!/usr/bin/env node
// Whatever Node.js there is must be able to read this file: what is newer is behind the imports below.
import { endWithParent } from './node/end-with-parent.ts'
import { isRequiredNode, REQUIRED_NODE } from './node/required-node.ts'

const run = async (): Promise<number> => {
  endWithParent()
  if (isRequiredNode()) {
    const { enableCompileCache } = await import('node:module')
    enableCompileCache()
    const { runCommandLine } = await import('./command-line.ts')
    return runCommandLine(process.argv.slice(2))
  }
  const [{ fetchNode }, { runUnder }] = await Promise.all([
    import('./node/fetch-node.ts'),
    import('./node/run-under.ts'),
  ])
  try {
    return await runUnder(await fetchNode((text) => process.stderr.write(`${text}\n`)))
  } catch (error) {
    const wanted = `${REQUIRED_NODE.major}.${REQUIRED_NODE.minor}`
    process.stderr.write(
      `mreg: this needs Node.js ${wanted} or newer, and ${process.versions.node} runs it; fetching a newer one failed\n` +
        `  ${error instanceof Error ? error.message : String(error)}\n` +
        `  Install one from https://nodejs.org, then try again.\n`,
    )
    return 1
  }
}

process.exitCode = await run()

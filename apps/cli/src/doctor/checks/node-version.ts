import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { isRequiredNode, REQUIRED_NODE } from '../../node/required-node.ts'
import { type Check, type Finding, ok, problem, warning } from '../check.ts'
import type { Facts } from '../facts.ts'

const wanted = `${REQUIRED_NODE.major}.${REQUIRED_NODE.minor}`

/** What most servers on npm need. */
const USUAL_MAJOR = 20
/** Commands that run on the Node.js of the PATH. */
const ON_NODE: ReadonlySet<string> = new Set(['node', 'npx', 'npm', 'pnpm', 'pnpx', 'yarn'])
const ANSWER_MS = 10_000

/** An old Node.js: the one that this runs on, or the one of the PATH, which servers run on. */
export const nodeVersion: Check = {
  name: 'node-version',
  title: 'Node.js',
  run: async (facts) => {
    const { node } = process.versions
    return [
      isRequiredNode(node)
        ? ok(`this runs on Node.js ${node}`)
        : problem(`Node.js ${node} is older than ${wanted}`, 'Install a newer one from https://nodejs.org'),
      ...(await findingsOfPath(facts)),
    ]
  },
}

/** The gateway may have fetched a Node.js for itself; servers that npx starts have to make do with the one that is installed. */
const findingsOfPath = async (facts: Facts): Promise<Finding[]> => {
  const started = (await facts.serversIfAny()).filter(({ endpoints }) =>
    endpoints.some(({ command }) => command !== undefined && ON_NODE.has(command)),
  )
  if (started.length === 0) return []
  const version = await versionOnPath(facts)
  if (version === undefined || Number.parseInt(version, 10) >= USUAL_MAJOR) return []
  const failing = started.filter(({ status }) => status === 'unhealthy')
  const text = `node on the PATH is ${version}; many servers need ${USUAL_MAJOR} or newer`
  const mend = [
    'Install a newer one from https://nodejs.org, then start the gateway again.',
    `Servers that run on it: ${started.map(({ slug }) => slug).join(', ')}`,
  ]
  return [failing.length > 0 ? problem(text, ...mend) : warning(text, ...mend)]
}

/** Such as `22.12.0`; undefined where there is none: a missing command is looked for elsewhere. */
const versionOnPath = async ({ environment }: Facts): Promise<string | undefined> => {
  try {
    const { stdout } = await promisify(execFile)('node', ['--version'], {
      env: { PATH: environment['PATH'], PATHEXT: environment['PATHEXT'] },
      timeout: ANSWER_MS,
      windowsHide: true,
    })
    return /^v?(\d+\.\d+\.\d+)/u.exec(stdout.trim())?.[1]
  } catch {
    return undefined
  }
}

import { isRequiredNode, REQUIRED_NODE } from '../../node/required-node.ts'
import { type Check, ok, problem } from '../check.ts'

const wanted = `${REQUIRED_NODE.major}.${REQUIRED_NODE.minor}`

/** An old Node.js. */
export const nodeVersion: Check = {
  name: 'node-version',
  title: 'Node.js',
  run: () => {
    const { node } = process.versions
    return Promise.resolve([
      isRequiredNode(node)
        ? ok(`this runs on Node.js ${node}`)
        : problem(`Node.js ${node} is older than ${wanted}`, 'Install a newer one from https://nodejs.org'),
    ])
  },
}

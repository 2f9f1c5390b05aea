import { CommandFailure } from '../../command-failure.ts'
import { lookAtKeyFile } from '../../keys/key-files.ts'
import { type Check, type Finding, ok, problem, warning } from '../check.ts'

/** No gateway runs, or there is no key for it, or the wrong one. */
export const gatewayAndKey: Check = {
  name: 'gateway-and-key',
  title: 'Gateway',
  run: async (facts) => {
    const gateway = await facts.gateway()
    if (CommandFailure.is(gateway)) return [problem(gateway.message, ...gateway.hints)]
    const findings: Finding[] = []
    const servers = await facts.servers()
    if (!CommandFailure.is(servers)) findings.push(ok('it runs, and takes the key of this user'))
    else if (gateway.key === undefined) {
      findings.push(
        problem(
          'it runs, and there is no key for it',
          'Set MREG_KEY, or MREG_DATA_DIR to its data directory, whose admin.key you may read.',
        ),
      )
    } else findings.push(problem(`it runs, and refuses: ${servers.message}`, ...servers.hints))
    if (gateway.dataDirectory !== undefined) {
      const { exposed, path } = await lookAtKeyFile(gateway.dataDirectory, 'admin')
      if (exposed) findings.push(warning(`others on this machine may read ${path}`, `chmod 600 '${path}'`))
    }
    return findings
  },
}

import { CommandFailure } from '../../command-failure.ts'
import { GatewayClient } from '../../gateway-client/gateway-client.ts'
import { nameList, reviewNeeds } from '../../output/review-text.ts'
import { type Check, type Finding, ok, skipped, warning } from '../check.ts'

/** Definitions that changed and wait for somebody, and tools that were switched off: clients may miss them. */
export const approvals: Check = {
  name: 'approvals',
  title: 'Approvals',
  needsServers: true,
  run: async (facts) => {
    const servers = await facts.serversIfAny()
    const found = await facts.gateway()
    if (servers.length === 0 || CommandFailure.is(found)) return [skipped('nothing is registered')]
    const gateway = new GatewayClient(found)
    const findings: Finding[] = []
    // One after the other: there may be hundreds.
    for (const { slug } of servers) {
      const needs = await reviewNeeds(gateway, slug)
      if (needs === undefined) return [skipped('this key is not told what servers offer')]
      if (needs.waiting.length > 0)
        findings.push(
          warning(
            `${slug} has changed what it offers: ${nameList(needs.waiting)}`,
            `See how, and whether clients have it: mreg tools ${slug} --review`,
          ),
        )
      if (needs.off.length > 0) findings.push(ok(`${slug}: switched off are ${nameList(needs.off)}`))
    }
    return findings.length === 0 ? [ok('nothing waits for one, and nothing is switched off')] : findings
  },
}

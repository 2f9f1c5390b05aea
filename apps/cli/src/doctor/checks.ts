import type { Check } from './check.ts'
import { approvals } from './checks/approvals.ts'
import { gatewayAndKey } from './checks/gateway-and-key.ts'
import { login } from './checks/login.ts'
import { missingCommand } from './checks/missing-command.ts'
import { nodeVersion } from './checks/node-version.ts'
import { packageRegistry } from './checks/package-registry.ts'
import { port } from './checks/port.ts'
import { protocolEra } from './checks/protocol-era.ts'
import { proxyAndCertificates } from './checks/proxy-and-certificates.ts'
import { toolCount } from './checks/tool-count.ts'
import { urlPath } from './checks/url-path.ts'

/** What commonly goes wrong in a first hour, in the order in which one thing needs the other. */
export const CHECKS: readonly Check[] = [
  nodeVersion,
  port,
  gatewayAndKey,
  proxyAndCertificates,
  missingCommand,
  packageRegistry,
  urlPath,
  login,
  protocolEra,
  toolCount,
  approvals,
]

import { type Logger, silentLogger } from '@mreg/core'
import type { StdioClient } from '@mreg/mcp-transports'

import type { CredentialSource } from '../credential-source.ts'
import type { EndpointTarget } from '../endpoint-target.ts'
import { UpstreamError } from '../upstream-error.ts'
import { ChildHost } from './child-host.ts'
import type { StdioLimits } from './stdio-limits.ts'
import { StdioServer } from './stdio-server.ts'
import type { StdioState } from './stdio-state.ts'

export interface StdioServersOptions {
  readonly limits: StdioLimits
  readonly credentials: CredentialSource
  /** Who we are, where no client makes itself known. */
  readonly clientInfo: StdioClient['clientInfo']
  readonly maxMessageBytes: number
  /** Told of each failed start and crash of an endpoint's process that no caller waited for. */
  readonly onLonelyFailure: (endpointId: string) => void
  readonly logger?: Logger | undefined
}

interface Known {
  readonly server: StdioServer
  /** The same for targets that can share the processes. */
  readonly likeness: string
}

/** All servers of this process that are processes themselves. */
export class StdioServers implements AsyncDisposable {
  readonly #options: StdioServersOptions
  readonly #logger: Logger
  readonly #host: ChildHost
  readonly #known = new Map<string, Known>()
  readonly #retired = new Set<StdioServer>()

  constructor(options: StdioServersOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#host = new ChildHost(options.limits)
  }

  /** The server of `target`. Its processes outlive a change of the server that is not about them. */
  server(target: EndpointTarget): StdioServer {
    const { id } = target.endpoint
    const likeness = likenessOf(target)
    const known = this.#known.get(id)
    if (known?.likeness === likeness) return known.server
    this.retire(id)
    const server = this.#create(target)
    this.#known.set(id, { server, likeness })
    return server
  }

  /** Ends the processes of an endpoint that is gone, each when its calls are over. */
  retire(endpointId: string): void {
    const known = this.#known.get(endpointId)
    if (known === undefined) return
    this.#known.delete(endpointId)
    this.#retired.add(known.server)
    void known.server.retire().then(() => this.#retired.delete(known.server))
  }

  /** What the processes of an endpoint are doing; undefined when it was not used here. */
  state(endpointId: string): StdioState | undefined {
    return this.#known.get(endpointId)?.server.state
  }

  /** Ends every process. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    const servers = [...this.#retired, ...[...this.#known.values()].map(({ server }) => server)]
    this.#known.clear()
    await Promise.allSettled(servers.map((server) => server[Symbol.asyncDispose]()))
    await this.#host[Symbol.asyncDispose]()
  }

  #create(target: EndpointTarget): StdioServer {
    const { clientInfo, credentials, maxMessageBytes, onLonelyFailure } = this.#options
    const { args = [], command, cwd, id } = target.endpoint
    if (command === undefined) {
      throw new UpstreamError('transport_unsupported', 'the server has no command', { requestSent: false })
    }
    return new StdioServer({
      host: this.#host,
      slug: target.slug,
      command,
      args,
      cwd,
      environment: () => environmentOf(credentials, target),
      isolation: target.isolation ?? 'principal',
      clientInfo,
      maxMessageBytes,
      onLonelyFailure: () => onLonelyFailure(id),
      logger: this.#logger,
    })
  }
}

const likenessOf = ({
  endpoint: { args, command, cwd, secretId },
  isolation,
  slug,
  tenantId,
}: EndpointTarget): string => JSON.stringify([tenantId, slug, command, args, cwd, secretId, isolation])

const environmentOf = (
  credentials: CredentialSource,
  target: EndpointTarget,
): Readonly<Record<string, string>> => {
  try {
    return credentials.environmentFor?.(target) ?? {}
  } catch (error) {
    throw new UpstreamError('credentials_unavailable', 'the environment of the server cannot be opened', {
      cause: error,
      requestSent: false,
    })
  }
}

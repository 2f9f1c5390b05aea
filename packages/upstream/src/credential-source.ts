import type { EndpointTarget } from './endpoint-target.ts'

/** A header as it goes on the wire. */
export type HeaderPair = readonly [name: string, value: string]

/** Where the credentials for an endpoint come from. Declared here, bound by whoever keeps them. */
export interface CredentialSource {
  /**
   * The headers that let a request in at `target`.
   *
   * @throws when they cannot be had; the request then fails with reason `credentials_unavailable`.
   */
  headersFor(target: EndpointTarget): readonly HeaderPair[]
  /**
   * Gets new credentials after the server has refused those in the headers `refused`. undefined: there are never any.
   *
   * @returns whether {@link headersFor} gives others now. Does not reject.
   */
  renew?(target: EndpointTarget, refused: readonly HeaderPair[]): Promise<boolean>
  /**
   * What is set in the environment of the process of `target`. undefined: nothing.
   *
   * @throws when it cannot be had; the process is not started then.
   */
  environmentFor?(target: EndpointTarget): Readonly<Record<string, string>>
}

/** For endpoints that need none. */
export const noCredentials: CredentialSource = { headersFor: () => [] }

import type { EndpointTarget } from './endpoint-target.ts'

/** A header as it goes on the wire. */
export type HeaderPair = readonly [name: string, value: string]

/** Where the credentials for an endpoint come from. Declared here, bound by whoever keeps them. */
export interface CredentialSource {
  /**
   * The headers that let a request in at `target`.
   *
   * @param principalId whose request it is; undefined: the gateway's own.
   * @throws when they cannot be had; the request then fails with reason `credentials_unavailable`.
   */
  headersFor(target: EndpointTarget, principalId?: string): readonly HeaderPair[]
  /**
   * Gets new credentials after the server has refused those in the headers `refused`. undefined: there are never any.
   *
   * @param principalId as for {@link headersFor}.
   * @returns whether {@link headersFor} gives others now. Does not reject.
   */
  renew?(target: EndpointTarget, refused: readonly HeaderPair[], principalId?: string): Promise<boolean>
  /**
   * Whose the credentials are that a request of a principal goes out with: empty when they are everybody's, else something that
   * stands for the one principal. What a server lists for the ones must not be shown to the others. undefined: always everybody's.
   */
  scopeFor?(target: EndpointTarget, principalId: string): string
  /**
   * What is set in the environment of the process of `target`. undefined: nothing.
   *
   * @throws when it cannot be had; the process is not started then.
   */
  environmentFor?(target: EndpointTarget): Readonly<Record<string, string>>
}

/** For endpoints that need none. */
export const noCredentials: CredentialSource = { headersFor: () => [] }

import type { CredentialVault, EndpointCredentials } from '@mreg/access'
import type { CredentialSource, EndpointTarget, HeaderPair } from '@mreg/upstream'

/** Opens the credentials of endpoints once for each revision of their server, not once for each call. */
export const vaultCredentials = (vault: CredentialVault): CredentialSource => {
  // Keyed by the target itself: a change makes a new one, and the old one's headers go with it.
  const opened = new WeakMap<EndpointTarget, readonly HeaderPair[]>()
  return {
    // Asked once for each start of a process.
    environmentFor: (target) => open(vault, target)?.environment ?? {},
    headersFor: (target) => {
      let headers = opened.get(target)
      if (headers === undefined) {
        headers = openHeaders(vault, target)
        opened.set(target, headers)
      }
      return headers
    },
  }
}

const openHeaders = (vault: CredentialVault, target: EndpointTarget): readonly HeaderPair[] =>
  Object.entries(open(vault, target)?.headers ?? {})

const open = (
  vault: CredentialVault,
  { tenantId, endpoint, sealedCredentials }: EndpointTarget,
): EndpointCredentials | undefined => {
  const { secretId } = endpoint
  if (secretId === undefined) return undefined
  if (sealedCredentials === undefined) throw new Error(`the secret ${secretId} is not in the store`)
  return vault.open({ tenantId, secretId }, sealedCredentials)
}

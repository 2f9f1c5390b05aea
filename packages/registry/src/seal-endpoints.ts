import type { TransportKind } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import { type NewEndpoint, newEntityId, type RegistryDatabase, SecretRepository } from '@mreg/repositories'

import type { EndpointInput } from './server-input.ts'

/** Seals what must not be kept in the clear; `access` has the real one. */
export interface CredentialSealer {
  seal(
    owner: { readonly tenantId: string; readonly secretId: string },
    credentials: {
      readonly headers: Readonly<Record<string, string>>
      readonly environment: Readonly<Record<string, string>>
    },
  ): { readonly keyId: string; readonly ciphertext: Uint8Array }
  /** A keyed hash of `text`, by which it is known again and from which nobody learns what it was. */
  fingerprint(text: string): string
}

/** Endpoints as they are stored: their credentials are sealed and kept apart. */
export const sealEndpoints = async (
  session: TenantSession<RegistryDatabase>,
  sealer: CredentialSealer,
  endpoints: readonly EndpointInput[],
): Promise<NewEndpoint[]> => {
  const secrets = new SecretRepository(session)
  const sealed: NewEndpoint[] = []
  // One after the other: a transaction runs one statement at a time.
  for (const input of endpoints) {
    const { credentials, endpoint } = withoutCredentials(input)
    const headerNames = Object.keys(credentials.headers).map((name) => name.toLowerCase())
    const envNames = Object.keys(credentials.environment)
    const secretId = headerNames.length + envNames.length === 0 ? undefined : newEntityId()
    if (secretId !== undefined) {
      const owner = { tenantId: session.tenantId, secretId }
      await secrets.put({ id: secretId, ...sealer.seal(owner, credentials) })
    }
    sealed.push({ ...endpoint, headerNames, envNames, secretId })
  }
  return sealed
}

/** Running a command is running anything: not for operators. */
export const isCommand = ({ transport }: { readonly transport: TransportKind }): boolean =>
  transport === 'stdio'

/** What is sealed of an endpoint, and the rest. */
const withoutCredentials = (
  input: EndpointInput,
): {
  readonly credentials: Parameters<CredentialSealer['seal']>[1]
  readonly endpoint: NewEndpoint
} => {
  if (input.transport === 'stdio') {
    const { env: environment = {}, ...endpoint } = input
    return { credentials: { headers: {}, environment }, endpoint }
  }
  const { headers = {}, ...endpoint } = input
  return { credentials: { headers, environment: {} }, endpoint }
}

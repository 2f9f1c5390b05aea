import { Authenticator, CredentialVault, KeyRing } from '@mreg/access'
import { ContainerModule } from 'inversify'

import { KeysToken, SettingsToken } from '../tokens.ts'
import { bindLogins } from './logins.ts'

/** Who may do what, and what is sealed with which key. */
export const access: ContainerModule = new ContainerModule(({ bind }) => {
  bind(KeyRing).toResolvedValue((keys) => new KeyRing(keys.secretKeys), [KeysToken])
  bind(CredentialVault).toResolvedValue((keys) => new CredentialVault(keys), [KeyRing])
  bind(Authenticator).toResolvedValue(
    (keys, settings) => new Authenticator({ adminKey: keys.adminKey, mode: settings.access.mode }),
    [KeysToken, SettingsToken],
  )
  bindLogins({ bind })
})

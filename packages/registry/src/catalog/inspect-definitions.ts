import type { TenantSession } from '@mreg/db-pool'
import {
  type CapabilityList,
  CapabilityRepository,
  type OfferedCapability,
  type RegistryDatabase,
} from '@mreg/repositories'

import type { Definition } from './definition.ts'
import { type DefinitionFlag, definitionFlags } from './flags/definition-flags.ts'
import { asciiText } from './flags/hidden-characters.ts'
import { lookAlikeKey } from './flags/look-alike-key.ts'

/** The definitions of one kind of a server as they are kept, with everything that stands out about them. The tenant is locked. */
export const inspectDefinitions = async (
  session: TenantSession<RegistryDatabase>,
  list: CapabilityList,
  definitions: readonly Definition[],
): Promise<readonly OfferedCapability[]> => {
  // URIs differ in a letter by right; names that do are mistaken for each other.
  const isNamed = list.kind === 'tool' || list.kind === 'prompt'
  const keys = new Map(
    definitions.flatMap(({ name }) => {
      const key = isNamed ? lookAlikeKey(name) : undefined
      return key === undefined ? [] : [[name, key] as const]
    }),
  )
  const alike =
    keys.size === 0
      ? new Map<string, never>()
      : await new CapabilityRepository(session).lookAlikes(list, keys)
  return definitions.map((definition) => {
    const { name, hash, bytes: body } = definition
    const others = alike.get(name) ?? []
    const flags: readonly DefinitionFlag[] = [
      ...definitionFlags(definition),
      ...others.map((other) => ({
        code: 'look_alike_name' as const,
        detail: `looks like "${asciiText(other.name).slice(0, 300)}" of ${other.slug}`,
      })),
    ]
    return { name, hash, body, flags, lookAlikeKey: keys.get(name) }
  })
}

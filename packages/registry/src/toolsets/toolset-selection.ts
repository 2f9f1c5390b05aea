import { editMembers, findMember, readValue, spliceMessage } from '@mreg/mcp-wire'
import type { ToolsetItem, ToolsetRecord } from '@mreg/repositories'

import { DEFINITION_LISTS } from '../catalog/definition.ts'
import { literalsInOrder } from '../catalog/literals-in-order.ts'
import type { Selection, SelectionReason } from '../catalog/selected-catalog.ts'
import type { CatalogEntry, CatalogServer } from '../catalog/server-block.ts'

/** A rule that is ready to be asked. */
interface Rule extends ToolsetItem {
  /** Which of the rules of the toolset it is, counted from 1. */
  readonly position: number
  readonly isAboutServer: (server: CatalogServer) => boolean
  readonly isAbout: (entry: CatalogEntry) => boolean
}

/**
 * What a toolset selects of a catalog. The last rule about something decides whether it is in the set; the last one that renames
 * or describes it says how it is shown.
 */
export const toolsetSelection = ({ items }: Pick<ToolsetRecord, 'items'>): Selection => {
  // The last comes first: it has the last word.
  const rules = items.map(ruleOf).toReversed()
  const rulesAbout = (entry: CatalogEntry): readonly Rule[] => rules.filter(({ isAbout }) => isAbout(entry))
  return {
    concerns: (server) =>
      rules.some(({ effect, isAboutServer }) => effect === 'include' && isAboutServer(server)),
    show: (entry) => {
      const about = rulesAbout(entry)
      return about[0]?.effect === 'include' ? shownBy(about, entry) : undefined
    },
    why: (entry) => reasonOf(rulesAbout(entry)[0]),
  }
}

const reasonOf = (rule: Rule | undefined): SelectionReason => {
  if (rule === undefined)
    return { by: 'toolset', code: 'toolset_has_no_rule', text: 'none of its rules is about it' }
  const { effect, position } = rule
  return {
    by: 'toolset',
    code: effect === 'include' ? 'toolset_includes' : 'toolset_excludes',
    text: `its rule ${position} ${effect === 'include' ? 'takes it in' : 'leaves it out'}${aboutOf(rule)}`,
    details: { rule: position },
  }
}

/** What a rule is about, for a person. */
const aboutOf = ({ namePattern, readOnlyOnly = false, serverSlug, tag }: ToolsetItem): string => {
  const parts = [
    ...(serverSlug === undefined ? [] : [`server ${serverSlug}`]),
    ...(tag === undefined ? [] : [`tag ${JSON.stringify(tag)}`]),
    ...(namePattern === undefined ? [] : [`name ${JSON.stringify(namePattern)}`]),
    ...(readOnlyOnly ? ['read-only tools'] : []),
  ]
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

const ruleOf = (item: ToolsetItem, index: number): Rule => {
  const { namePattern, readOnlyOnly = false, serverSlug, tag } = item
  const isNamed = namePattern === undefined ? () => true : literalsInOrder(namePattern.split('*'))
  const isAboutServer = ({ slug, tags = [] }: CatalogServer): boolean =>
    (serverSlug === undefined || serverSlug === slug) && (tag === undefined || tags.includes(tag))
  return {
    ...item,
    position: index + 1,
    isAboutServer,
    isAbout: (entry) =>
      isAboutServer(entry.server) && isNamed(entry.definition.name) && !(readOnlyOnly && mayChange(entry)),
  }
}

/** Whether calling it may change something: a tool that does not say otherwise. Whatever else there is, is only read. */
const mayChange = ({ definition: { kind, bytes } }: CatalogEntry): boolean => {
  if (kind !== 'tool') return false
  const annotations = findMember(bytes, wholeOf(bytes), 'annotations')
  if (annotations === undefined || bytes[annotations.start] !== 0x7b) return true
  const hint = findMember(bytes, annotations, 'readOnlyHint')
  return hint === undefined || readValue(bytes, hint) !== true
}

const shownBy = (about: readonly Rule[], entry: CatalogEntry): CatalogEntry => {
  const { kind } = entry.definition
  const isNamedByMembers = kind === 'tool' || kind === 'prompt'
  const rename = isNamedByMembers ? about.find((rule) => rule.rename !== undefined)?.rename : undefined
  const description = about.find((rule) => rule.description !== undefined)?.description
  if (rename === undefined && description === undefined) return entry
  const set: [string, string][] = []
  if (rename !== undefined) set.push([DEFINITION_LISTS[kind].key, JSON.stringify(rename)])
  if (description !== undefined) set.push(['description', JSON.stringify(description)])
  const bytes = spliceMessage(entry.bytes, editMembers(entry.bytes, wholeOf(entry.bytes), { set }))
  return { ...entry, exposed: rename ?? entry.exposed, bytes }
}

const wholeOf = (bytes: Uint8Array) => ({ start: 0, end: bytes.length })

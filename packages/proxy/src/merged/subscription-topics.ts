import type { CatalogView } from '@mreg/registry'
import type { JsonObject } from '@mreg/upstream'

import { type Owned, ownerOfTask, ownerOfUri } from './owner-request.ts'
import type { OwnerTopics } from './owner-subscription.ts'

/** The most resources and tasks that one subscription may name; what goes beyond is not honoured. */
const MAX_TOPICS = 1000

/** Of what of which server a client wants to hear. What nobody has is left out. */
export const topicsByOwner = (wanted: JsonObject, catalog: CatalogView): readonly OwnerTopics[] => {
  const owners = new Map<string, Record<'resourceSubscriptions' | 'taskIds', Map<string, string>>>()
  const add = (
    kind: 'resourceSubscriptions' | 'taskIds',
    ownerOf: (named: string, catalog: CatalogView) => Owned | undefined,
  ): void => {
    for (const named of textsIn(wanted[kind])) {
      const owned = ownerOf(named, catalog)
      if (owned === undefined) continue
      const topics = owners.get(owned.slug) ?? { resourceSubscriptions: new Map(), taskIds: new Map() }
      topics[kind].set(owned.name, named)
      owners.set(owned.slug, topics)
    }
  }
  add('resourceSubscriptions', ownerOfUri)
  add('taskIds', ownerOfTask)
  return [...owners].map(([slug, topics]) => ({ slug, ...topics }))
}

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value)
    ? (value as readonly unknown[]).filter((each) => typeof each === 'string').slice(0, MAX_TOPICS)
    : []

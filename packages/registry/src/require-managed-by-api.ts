import { ConflictError } from '@mreg/core'

/**
 * What somebody is about to change through the API.
 *
 * @throws {ConflictError} `managed_by_…`: something else than the API manages it.
 */
export const requireManagedByApi = <Item extends { readonly slug: string; readonly managedBy: string }>(
  item: Item,
): Item => {
  if (item.managedBy === 'api') return item
  const [manager] = item.managedBy.split(':')
  throw new ConflictError(
    `managed_by_${manager ?? 'other'}`,
    `${item.slug} is managed by ${item.managedBy}; change it there`,
  )
}

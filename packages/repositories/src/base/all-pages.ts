/** So that no statement takes long and no answer is huge. */
export const BATCH_LENGTH = 1_000

/**
 * Everything that `page` gives, page after page.
 *
 * @param page gives up to {@link BATCH_LENGTH} items in the order of their ids, past `afterId`.
 */
export const allPages = async <Item extends { readonly id: string }>(
  page: (afterId: string | undefined) => Promise<readonly Item[]>,
): Promise<readonly Item[]> => {
  const all: Item[] = []
  let found: readonly Item[]
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page starts where the one before ended
    found = await page(all.at(-1)?.id)
    all.push(...found)
  } while (found.length === BATCH_LENGTH)
  return all
}

/** How many rows one page has. */
const PAGE_LENGTH = 200

/** Everything in a list that comes in pages. */
export const allPages = async <Item>(
  page: (request: {
    readonly limit: number
    readonly cursor: string | undefined
  }) => Promise<{ readonly items: readonly Item[]; readonly nextCursor?: string | undefined }>,
): Promise<readonly Item[]> => {
  const items: Item[] = []
  let cursor: string | undefined
  do {
    const { items: found, nextCursor } = await page({ limit: PAGE_LENGTH, cursor })
    items.push(...found)
    cursor = nextCursor
  } while (cursor !== undefined)
  return items
}

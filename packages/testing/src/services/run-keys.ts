import { withRedis } from './redis-connection.ts'
import { isLeftOver } from './run-id.ts'

/** Removes every key that begins with `prefix`, in small steps, so that a shared server is not held up. */
export async function removeRunKeys(redisUrl: string, prefix: string): Promise<void> {
  await removeKeys(redisUrl, `${prefix}*`, () => true)
}

/** Removes the keys that runs left behind which were killed more than a day ago. */
export async function removeLeftOverKeys(redisUrl: string): Promise<void> {
  await removeKeys(redisUrl, 'mreg_test_*', (key) => isLeftOver(key))
}

async function removeKeys(url: string, pattern: string, matches: (key: string) => boolean): Promise<void> {
  await withRedis(url, async (client) => {
    for await (const page of client.scanIterator({ MATCH: pattern, COUNT: 500 })) {
      const keys = page.filter((key) => matches(key))
      if (keys.length > 0) await client.unlink(keys)
    }
  })
}

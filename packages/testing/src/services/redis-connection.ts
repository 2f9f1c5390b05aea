import { createClient } from 'redis'

type Client = ReturnType<typeof plainClient>

/**
 * Runs `work` with a connection that neither retries nor queues, and closes it.
 * @throws whatever the server or the network answers, within 3 s for connecting
 */
export async function withRedis<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = plainClient(url)
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await work(client)
  } finally {
    client.destroy()
  }
}

// oxlint-disable-next-line typescript/explicit-function-return-type -- the driver's client type is only inferable
function plainClient(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: 3000, reconnectStrategy: false },
  })
}

/**
 * Checks that the server answers and lets us in.
 * @throws Error with the server's or the network's answer
 */
export async function pingRedis(url: string): Promise<void> {
  await withRedis(url, (client) => client.ping())
}

import type { TokenGrant, TokenRequest } from '../tokens.ts'
import type { SendCommand } from './redis-connection.ts'

/** Redis has the clock, so that processes whose clocks differ share one bucket all the same; one that goes back adds nothing. */
const SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rate, burst, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = burst
if kept[1] then tokens = math.min(burst, kept[1] + math.max(0, now - kept[2]) * rate / 1000) end
local granted = math.min(amount, math.floor(tokens))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return { granted, math.ceil(math.max(0, 1 - tokens) * 1000 / rate) }
`

/** Takes tokens of a bucket in Redis, in one step. undefined: Redis is away. */
export const takeTokens = async (
  send: SendCommand,
  key: string,
  { amount, burst, perSecond }: TokenRequest,
): Promise<TokenGrant | undefined> => {
  const reply = await send('EVAL', SCRIPT, '1', key, String(perSecond), String(burst), String(amount))
  if (!Array.isArray(reply)) return undefined
  const [granted, retryAfterMs]: unknown[] = reply
  return typeof granted === 'number' && typeof retryAfterMs === 'number'
    ? { granted, retryAfterMs }
    : undefined
}

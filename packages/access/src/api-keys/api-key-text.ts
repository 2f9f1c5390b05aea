import { randomBytes } from 'node:crypto'

/** The two parts of a key: one to find it by, one to prove that it is known. */
export interface ApiKeyParts {
  /** No secret: shown in lists and logs. 24 hexadecimal digits. */
  readonly lookupId: string
  /** 256 random bits as base64url. */
  readonly secret: string
}

const SHAPE = /^mreg_([\da-f]{24})_([\w-]{43})$/u

/** A new key. Nothing in it says whose it is or what it may. */
export const newApiKeyParts = (): ApiKeyParts => ({
  lookupId: randomBytes(12).toString('hex'),
  secret: randomBytes(32).toString('base64url'),
})

/** A key as its holder sends it. */
export const formatApiKey = ({ lookupId, secret }: ApiKeyParts): string => `mreg_${lookupId}_${secret}`

/** undefined: `text` is not of the shape of a key. */
export const parseApiKey = (text: string): ApiKeyParts | undefined => {
  const [, lookupId, secret] = SHAPE.exec(text) ?? []
  return lookupId === undefined || secret === undefined ? undefined : { lookupId, secret }
}

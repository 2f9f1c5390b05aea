import {
  constants,
  createHmac,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto'

/** How a token can be signed here. */
export type SigningAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA'

/** A key pair of an identity provider. */
export interface SigningKey {
  readonly algorithm: SigningAlgorithm
  readonly kid: string
  /** As it is published. */
  readonly jwk: JsonWebKey
  readonly publicKey: KeyObject
  /** The signature (JWS) of a text. */
  readonly sign: (text: string) => Buffer
}

/** Makes a key pair. */
export const createSigningKey = (kid: string, algorithm: SigningAlgorithm = 'ES256'): SigningKey => {
  const { privateKey, publicKey } = pairFor(algorithm)
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' }
  return { algorithm, kid, jwk, publicKey, sign: (text) => signature(algorithm, privateKey, text) }
}

/** A token of any header, any content and any signature: base64url of each, with dots between (RFC 7515). */
export const compactToken = (
  header: object | string,
  claims: object | string,
  signed: (text: string) => Buffer,
): string => {
  const text = [header, claims]
    .map((part) => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${text}.${signed(text).toString('base64url')}`
}

/** A signature with a secret, such as one that an attacker makes of a public key. */
export const hmacSignature =
  (secret: string | Buffer): ((text: string) => Buffer) =>
  (text) =>
    createHmac('sha256', secret).update(text).digest()

const pairFor = (algorithm: SigningAlgorithm): { privateKey: KeyObject; publicKey: KeyObject } => {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}

const signature = (algorithm: SigningAlgorithm, key: KeyObject, text: string): Buffer => {
  const bytes = Buffer.from(text)
  if (algorithm === 'EdDSA') return sign(null, bytes, key)
  if (algorithm === 'ES256') return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
  if (algorithm === 'RS256') return sign('sha256', bytes, key)
  return sign('sha256', bytes, {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  })
}

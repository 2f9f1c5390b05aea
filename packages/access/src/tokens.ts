// The tokens of an identity provider. Apart, because the library that checks them is loaded only where there is one.
export { type ClaimMap, type Claims, principalFrom } from './tokens/claim-map.ts'
export { IssuerKeys, type IssuerKeysOptions, type KnownKeys } from './tokens/issuer-keys.ts'
export { JwtVerifier, type JwtVerifierOptions } from './tokens/jwt-verifier.ts'

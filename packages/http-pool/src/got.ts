export { createHttpClient } from './got/create-http-client.ts'
export type { RetryOptions } from './got/retry-options.ts'
export type {
  HttpClient,
  HttpClientOptions,
  HttpClientRequest,
  HttpClientRequestOptions,
  HttpClientResponse,
} from './got/http-client.ts'

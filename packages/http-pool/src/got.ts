export { createHttpClient } from './got/create-http-client.ts'
export type {
  HttpClient,
  HttpClientOptions,
  HttpClientRequest,
  HttpClientRequestOptions,
  HttpClientResponse,
} from './got/http-client.ts'

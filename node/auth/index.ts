/** Who is calling: an opaque subject with roles, established once per request. */
export { API_KEY_BYTES, apiKeyHash, apiKeyOf } from './api-keys.ts';
export {
  ANONYMOUS,
  type Authenticate,
  type AuthPorts,
  createAuthenticate,
  type ReadSecret,
} from './authenticate.ts';
export { AuthError } from './errors.ts';

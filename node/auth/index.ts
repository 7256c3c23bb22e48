/** Who is calling: an opaque subject with roles, established once per request. */
export { ANONYMOUS, type Authenticate, createAuthenticate } from './authenticate.ts';

/** The way in: bounds of connections, request heads and time. */
export { createGateway } from './gateway.ts';
export type { GatewayLimits } from './limits.ts';

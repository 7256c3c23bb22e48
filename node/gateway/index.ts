/** The way in: bounds of connections, request heads and time. */
export { createGateway, type Gateway } from './gateway.ts';
export { GATEWAY_LIMITS, type GatewayLimits } from './limits.ts';

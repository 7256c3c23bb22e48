/** How members talk: frames on a connection, and the small JSON objects in some of them. */
export { encodeFrame, FrameKind, FrameReader } from './frames.ts';
export { encodeJson, isObject, parseObject, type UnknownObject } from './json.ts';

import type { EngineErrorCode } from './engine.ts';

/** An operation that the engine could not finish; the code says whether it may have had effect. */
export class EngineError extends Error {
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string) {
    super(message);
    this.name = 'EngineError';
    this.code = code;
  }
}

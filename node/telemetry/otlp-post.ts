import type { OtlpSettings } from './otlp-settings.ts';
import type { PostTraces } from './otlp-sink.ts';

/** Sends over HTTP; redirections are not followed, because headers may hold a secret. */
export function postTraces({ url, headers, timeoutMs }: OtlpSettings): PostTraces {
  return async (body) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    return response.status;
  };
}

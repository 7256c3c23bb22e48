const CONTEXT_LINES = 3;

/** Two texts line by line around the first and up to the last line that differs. */
export function describeDifference(expected: string, actual: string): string {
  const wanted = expected.split('\n');
  const got = actual.split('\n');
  let start = 0;
  while (start < wanted.length && start < got.length && wanted[start] === got[start]) start++;
  let end = 0;
  while (
    end < wanted.length - start &&
    end < got.length - start &&
    wanted[wanted.length - 1 - end] === got[got.length - 1 - end]
  ) {
    end++;
  }
  return [
    ...wanted.slice(Math.max(0, start - CONTEXT_LINES), start).map(mark(' ')),
    ...wanted.slice(start, wanted.length - end).map(mark('-')),
    ...got.slice(start, got.length - end).map(mark('+')),
    ...got.slice(got.length - end, got.length - end + CONTEXT_LINES).map(mark(' ')),
  ].join('\n');
}

function mark(sign: string): (line: string) => string {
  return (line) => `${sign} ${line}`;
}

/** One directive of a script: its line, and the input below it (empty when there is none). */
export interface Directive {
  readonly line: string;
  readonly input: string;
}

/** Directives in order; the first one adds the nodes. */
export type Script = readonly Directive[];

/** The script as a data-driven file without expectations. */
export function renderScript(script: Script): string {
  return script.map(renderDirective).join('');
}

function renderDirective({ line, input }: Directive): string {
  return `${line}\n${input === '' ? '' : `${input}\n`}----\n\n`;
}

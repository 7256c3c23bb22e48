import { hash } from 'node:crypto';

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { background: #f4f4f4; padding: .75rem; overflow: auto; }
summary { cursor: pointer; padding: .25rem 0; }
.method { display: inline-block; width: 4.5rem; font-weight: 600; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } pre { background: #222; } }
`;

const SCRIPT = `
const add = (parent, tag, text) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  return parent.appendChild(element);
};
const main = document.querySelector('main');
const describe = (path, method, operation, spec) => {
  const details = add(main, 'details');
  const summary = add(details, 'summary');
  add(summary, 'span', method.toUpperCase()).className = 'method';
  add(summary, 'code', path);
  add(summary, 'span', '  ' + (operation.summary ?? ''));
  for (const parameter of operation.parameters ?? []) {
    const full = parameter.$ref ? spec.components.parameters[parameter.$ref.split('/').pop()] : parameter;
    add(details, 'div', full.name + ' (' + full.in + '): ' + (full.description ?? ''));
  }
  const body = operation.requestBody?.content?.['application/json']?.schema;
  if (body) add(details, 'pre', 'body: ' + JSON.stringify(body, null, 2));
  add(details, 'div', 'answers: ' + Object.keys(operation.responses).join(', '));
};
fetch('openapi.json').then((response) => response.json()).then((spec) => {
  main.replaceChildren();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(item)) describe(path, method, operation, spec);
  }
  add(main, 'h2', 'Schemas');
  for (const [name, schema] of Object.entries(spec.components.schemas)) {
    const details = add(main, 'details');
    add(details, 'summary', name);
    add(details, 'pre', JSON.stringify(schema, null, 2));
  }
}).catch((error) => { main.textContent = 'The API could not be described: ' + error.message; });
`;

/** A page that reads `openapi.json` beside it and needs nothing else from any network. */
export const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>API</title><style>${STYLE}</style></head>
<body><h1>API</h1><p>From <a href="openapi.json">openapi.json</a>.</p>
<main>Loading.</main><script>${SCRIPT}</script></body>
</html>
`;

/** Lets the page run its own script and style, and talk to its own origin, nothing else. */
export const DOCS_CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "connect-src 'self'",
  `script-src 'sha256-${hash('sha256', SCRIPT, 'base64')}'`,
  `style-src 'sha256-${hash('sha256', STYLE, 'base64')}'`,
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

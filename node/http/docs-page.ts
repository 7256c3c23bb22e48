import { hash } from 'node:crypto';
import { DOCS_SCRIPT } from './docs-script.ts';

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre, textarea { font: 13px/1.5 ui-monospace, monospace; }
pre { background: #f4f4f4; padding: .75rem; overflow: auto; white-space: pre-wrap; }
pre:empty { display: none; }
summary { cursor: pointer; padding: .25rem 0; }
details details { margin: .5rem 0; }
details > :not(summary) { margin-left: 1rem; }
h2 { border-bottom: 1px solid #8884; }
h4 { margin: .75rem 0 .25rem; }
td { padding: .15rem 1rem .15rem 0; vertical-align: top; border-top: 1px solid #8882; }
input, select, textarea { margin: .2rem .4rem .2rem 0; }
textarea { width: 100%; min-height: 8rem; }
.method { display: inline-block; width: 4rem; margin: 0 .6rem 0 .2rem; border-radius: .25rem; background: #8883; font: 600 12px/1.6 ui-monospace, monospace; text-align: center; }
.get { background: #2a72d433; } .post { background: #1f9d5533; } .put, .patch { background: #c9820033; } .delete { background: #d0303033; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } pre { background: #222; } a { color: #8bf; } }
`;

/** A page that reads `openapi.json` beside it and needs nothing else from any network. */
export const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>API</title><style>${STYLE}</style></head>
<body><h1>API</h1><p>From <a href="openapi.json">openapi.json</a>: what the caller may use.</p>
<form id="caller"><input id="token" type="password" autocomplete="off" aria-label="API key or token" placeholder="API key or token">
<button>Show as this caller</button></form>
<main>Loading.</main><script>${DOCS_SCRIPT}</script></body>
</html>
`;

/** Lets the page run its own script and style, and talk to its own origin, nothing else. */
export const DOCS_CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "connect-src 'self'",
  `script-src 'sha256-${hash('sha256', DOCS_SCRIPT, 'base64')}'`,
  `style-src 'sha256-${hash('sha256', STYLE, 'base64')}'`,
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

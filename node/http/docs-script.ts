/**
 * What `/docs` runs in a browser: it reads the OpenAPI document as the caller whose token is typed
 * in, describes each operation, and sends requests. The token stays in the memory of the page.
 */
export const DOCS_SCRIPT = `
'use strict';
const METHODS = ['get', 'put', 'post', 'patch', 'delete'];
const main = document.querySelector('main');
let spec = null;
let token = '';

const make = (tag, ...children) => {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
};
const titled = (tag, className, ...children) => {
  const element = make(tag, ...children);
  element.className = className;
  return element;
};
const code = (text) => make('code', text);
const resolve = (part) => {
  if (!part?.$ref) return part ?? {};
  return part.$ref.slice(2).split('/').reduce((at, key) => at[key], spec);
};
const nameOf = (part) => part.$ref.split('/').pop();

const typeOf = (schema) => {
  if (schema.$ref) return nameOf(schema);
  if (schema.allOf) return typeOf(Object.assign({}, ...schema.allOf));
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return [...new Set(options.map(typeOf))].join(' or ');
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.type === 'array') return 'array of ' + typeOf(schema.items ?? {});
  return [schema.type ?? 'any'].flat().join(' or ') + (schema.format ? ' (' + schema.format + ')' : '');
};
const BOUNDS = ['minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'minItems', 'maxItems', 'default'];
const boundsOf = (schema) => {
  const own = BOUNDS.flatMap((name) => (name in schema ? [name + ' ' + JSON.stringify(schema[name])] : []));
  return [...new Set([...own, ...[...(schema.anyOf ?? []), ...(schema.allOf ?? [])].flatMap(boundsOf)])];
};
const row = (...cells) => make('tr', ...cells.map((cell) => make('td', cell)));
const table = (...rows) => make('table', make('tbody', ...rows));

const fieldsOf = (schema) => {
  const required = new Set(schema.required ?? []);
  return table(...Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const says = [
      required.has(name) ? 'required' : '',
      field.readOnly ? 'read only' : '',
      ...boundsOf(field),
      field.description ?? '',
    ];
    return row(code(name), typeOf(field), says.filter(Boolean).join('; '));
  }));
};
const schemaOf = (schema) => {
  const found = resolve(schema);
  return found.properties ? fieldsOf(found) : make('p', typeOf(schema) + ' ' + (found.description ?? ''));
};

const exampleOf = (schema) => {
  const found = resolve(schema);
  if ('default' in found) return found.default;
  if (found.enum) return found.enum[0];
  if (found.anyOf) return exampleOf(found.anyOf[0]);
  if (found.allOf) return exampleOf(found.allOf[0]);
  const { type, format, properties, required = [] } = found;
  if (type === 'array') return found.minItems > 0 ? [exampleOf(found.items)] : [];
  if (properties) {
    const shown = required.length > 0 ? required : Object.keys(properties);
    return Object.fromEntries(shown.map((name) => [name, exampleOf(properties[name])]));
  }
  if (type === 'integer' || type === 'number') return found.minimum ?? 0;
  if (type === 'boolean') return false;
  if (format === 'decimal') return '0';
  if (format === 'date-time') return new Date().toISOString();
  if (format === 'date') return new Date().toISOString().slice(0, 10);
  return type === 'object' ? {} : '';
};

const authorization = () => (token === '' ? {} : { authorization: 'Bearer ' + token });

const input = (label, value = '') => {
  const field = make('input');
  field.value = value;
  field.setAttribute('aria-label', label);
  field.placeholder = label;
  return field;
};

const trial = (path, method, parameters, contents) => {
  const places = parameters.filter((parameter) => parameter.in === 'path');
  const inPath = places.map((parameter) => [parameter.name, input(parameter.name)]);
  const query = input('query, such as limit=5');
  const types = Object.keys(contents);
  const type = make('select', ...types.map((name) => make('option', name)));
  const body = make('textarea');
  const example = types.length > 0 ? exampleOf(contents[types[0]].schema) : '';
  body.value = types.length > 0 ? JSON.stringify(example, null, 2) : '';
  body.setAttribute('aria-label', 'body');
  const answer = make('pre');
  const send = make('button', 'Send');
  const form = make('form', ...inPath.map(([, field]) => field), query);
  if (types.length > 0) form.append(make('br'), type, make('br'), body, make('br'));
  form.append(send, answer);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    let url = path;
    for (const [name, field] of inPath) url = url.replace('{' + name + '}', encodeURIComponent(field.value));
    if (query.value !== '') url += '?' + query.value;
    const hasBody = types.length > 0;
    const headers = { ...authorization(), ...(hasBody && { 'content-type': type.value }) };
    try {
      const response = await fetch(url, { method: method.toUpperCase(), headers, ...(hasBody && { body: body.value }) });
      const told = [...response.headers].map(([name, value]) => name + ': ' + value).join('\\n');
      answer.textContent = response.status + ' ' + response.statusText + '\\n' + told + '\\n\\n' + (await response.text());
    } catch (error) {
      answer.textContent = 'No answer: ' + error.message;
    }
  });
  return make('details', make('summary', 'Try it'), form);
};

const operationOf = (path, method, operation, shared) => {
  const parameters = [...shared, ...(operation.parameters ?? [])].map(resolve);
  const contents = operation.requestBody?.content ?? {};
  const heading = make('summary', titled('span', 'method ' + method, method.toUpperCase()), code(path), ' ' + (operation.summary ?? ''));
  const details = make('details', heading);
  if (operation.description) details.append(make('p', operation.description));
  if (parameters.length > 0) {
    details.append(make('h4', 'Parameters'), table(...parameters.map((parameter) =>
      row(code(parameter.name), parameter.in + (parameter.required ? ', required' : ''), parameter.description ?? ''))));
  }
  for (const [type, content] of Object.entries(contents)) {
    details.append(make('h4', 'Body: ' + type), schemaOf(content.schema ?? {}));
  }
  details.append(make('h4', 'Answers'), table(...Object.entries(operation.responses ?? {}).map(([status, response]) =>
    row(code(status), resolve(response).description ?? '', Object.keys(resolve(response).content ?? {}).join(', ')))));
  details.append(trial(path, method, parameters, contents));
  return details;
};

const show = () => {
  main.replaceChildren();
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS) {
      if (!item[method]) continue;
      const group = item[method].tags?.[0] ?? 'API';
      groups.set(group, [...(groups.get(group) ?? []), operationOf(path, method, item[method], item.parameters ?? [])]);
    }
  }
  for (const [group, operations] of groups) main.append(make('h2', group), ...operations);
  main.append(make('h2', 'Schemas'));
  for (const [name, schema] of Object.entries(spec.components?.schemas ?? {})) {
    main.append(make('details', make('summary', code(name)), schemaOf(schema)));
  }
};

const load = async () => {
  const response = await fetch('openapi.json', { headers: authorization() });
  const document = await response.json();
  if (!response.ok) throw new Error(document.detail ?? response.statusText);
  spec = document;
  show();
};
const loadOrTell = () => load().catch((error) => {
  main.textContent = 'The API could not be described: ' + error.message;
});

document.querySelector('#caller').addEventListener('submit', (event) => {
  event.preventDefault();
  token = document.querySelector('#token').value.trim();
  loadOrTell();
});
loadOrTell();
`;

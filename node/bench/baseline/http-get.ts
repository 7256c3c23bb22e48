/** Ceiling for reads: node:http answers a stored string. `node http-get.ts PORT` */
import { createServer } from 'node:http';
import { productBody } from '../product.ts';

const body = `{"id":"0198c0de-0000-7000-8000-000000000001",${productBody(1).slice(1)}`;
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };

createServer((_request, response) => {
  response.writeHead(200, headers);
  response.end(body);
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));

/** Baseline for reads: a bare Koa app that answers a stored string. `node koa-get.ts PORT` */
import Koa from 'koa';
import { productBody } from '../product.ts';

const body = `{"id":"0198c0de-0000-7000-8000-000000000001",${productBody(1).slice(1)}`;

new Koa()
  .use((context) => {
    context.type = 'application/json';
    context.body = body;
  })
  .listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));

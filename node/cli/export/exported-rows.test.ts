import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, beforeEach, test } from 'node:test';
import { CliError } from '../cli-error.ts';
import { exportedRows } from './index.ts';

const openapi = {
  paths: { '/api/items': { 'x-lithair-model': 'Item', 'x-lithair-primary-key': 'id' } },
  components: { schemas: {} },
};
/** Answers to lists that are cut; the one behind them is whole. */
let cuts = 0;
let lists = 0;
/** Where false, a cut answer has no row. */
let sendsRows = true;

/** Serves the ids 1 to 9, two in an answer that is cut. */
const server = createServer((request, response) => {
  if (request.url === '/openapi.json') {
    response.end(JSON.stringify(openapi));
    return;
  }
  lists += 1;
  const behind = /\[gt\]=(\d)/.exec(request.url ?? '')?.[1] ?? 0;
  const first = Number(behind) + 1;
  const isCut = lists <= cuts;
  const end = isCut ? Math.min(10, first + (sendsRows ? 2 : 0)) : 10;
  response.writeHead(200).flushHeaders();
  for (let id = first; id < end; id++) response.write(`{"id":"${id}"}\n`);
  // What was written must be there before the cut.
  if (isCut) setTimeout(() => response.destroy(), 20);
  else response.end();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const url = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
after(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  lists = 0;
  sendsRows = true;
});

async function exported(givesUpAfterMs?: number): Promise<string> {
  let ids = '';
  for await (const line of exportedRows(url, 'Item', givesUpAfterMs)) ids += JSON.parse(line).id;
  return ids;
}

test('an export goes on behind the last row as long as cut answers bring further ones', async () => {
  cuts = 4;
  assert.equal(await exported(), '123456789');
  assert.equal(lists, 5);
});

test('an export whose answers are cut without a row asks with pauses, and gives up', async () => {
  cuts = 200;
  sendsRows = false;
  await assert.rejects(exported(1000), (error: unknown) => {
    assert.ok(error instanceof CliError);
    assert.match(error.message, /all answers were cut, without a further row, for 1 s/);
    return true;
  });
  assert.ok(lists > 1 && lists < 10, `asked ${lists} times`);
});

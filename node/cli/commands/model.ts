import { ADMIN_OPTIONS, askMember } from '../admin-connection.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand, CliInput } from '../command-line.ts';
import { readModel } from '../model-file.ts';

/** `lithair model FILE`: submits a changed model to a running cluster. */
export const modelCommand: CliCommand = {
  name: 'model',
  positionals: 'FILE',
  options: { ...ADMIN_OPTIONS, 'dry-run': { help: 'only say what would change' } },
  details: [
    'An additive change takes effect on all nodes at once; a breaking one is refused, exit 1.',
    'An index on a field that has none is built beside everything else first: the command waits,',
    'and the change goes on where it is interrupted.',
    'Example: lithair model shop.yaml --dry-run',
  ],
  async run(input) {
    const file = input.positionals[0] ?? '';
    const read = await readModel(file);
    if (!read.ok) throw new CliError(`${file} is not a valid model: ${read.lines.join('; ')}`);
    const { spec } = read.model;
    const answer = await askMember(input, (client) =>
      client.changeModel(spec, input.flag('dry-run')),
    );
    for (const change of answer.changes) process.stdout.write(`${change}\n`);
    const isWaiting = answer.result === 'preparing' && !input.flag('dry-run');
    if (isWaiting) await inForce(input, answer.schemaVersion);
    const result = isWaiting ? 'applied' : answer.result;
    process.stdout.write(`${result}: schema version ${answer.schemaVersion}\n`);
    return EXIT.ok;
  },
};

const LOOK_MS = 500;
const PROGRESS_MS = 2_000;

/** Waits until a change is in force, and says now and then how far it is. */
async function inForce(input: CliInput, schemaVersion: number): Promise<void> {
  for (let toldMs = 0; ; ) {
    const status = await askMember(input, (client) => client.status());
    if ('waiting' in status) throw new CliError('the member has lost its place in the cluster');
    if (status.schemaVersion >= schemaVersion) return;
    const { modelChange } = status;
    if (modelChange && performance.now() - toldMs >= PROGRESS_MS) {
      toldMs = performance.now();
      const { prepared, total } = modelChange;
      process.stderr.write(`preparing: ${prepared} of ${total} rows\n`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

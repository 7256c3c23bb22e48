import { writeCertificates } from '../certificate-files.ts';
import { EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';

/** `lithair certs DIR`: an authority and a certificate a member, for a cluster run by hand. */
export const certsCommand: CliCommand = {
  name: 'certs',
  positionals: 'DIR',
  options: {
    name: {
      value: 'NAME',
      repeatable: true,
      help: 'a member to issue for; repeat it (default n1 n2 n3)',
    },
  },
  details: [
    'Writes DIR/ca.crt and DIR/ca.key, DIR/<member>/ for --peer-tls of each member, and DIR/admin/',
    'for lithair member, model and snapshot. What exists is kept: run it again to add a member.',
    'Whoever has ca.key can become any member: keep it away from the nodes.',
  ],
  async run(input) {
    const dir = input.positionals[0] ?? '';
    const names = input.texts('name');
    const members = names.length === 0 ? ['n1', 'n2', 'n3'] : names;
    for (const path of await writeCertificates(dir, members)) process.stdout.write(`${path}\n`);
    return EXIT.ok;
  },
};

import { join } from 'node:path';
import { writeCertificates } from '../certificate-files.ts';
import { EXIT } from '../cli-error.ts';
import { requireLocalCluster } from '../data-layout.ts';
import { Member } from './member.ts';

/** What `lithair serve FILE --nodes N` was told. Node i listens on each port plus i. */
export interface LocalClusterOptions {
  readonly file: string;
  readonly nodes: number;
  readonly host: string;
  readonly port: number;
  readonly opsPort: number;
  readonly peerPort: number;
  readonly dataDir: string;
  /** `--reserve` of the members; undefined for the default. */
  readonly reserve: string | undefined;
  /** `--secrets` of the members; undefined for none. */
  readonly secrets: string | undefined;
  /** `--otlp-endpoint` and `--service-name` of the members; undefined for what they are by default. */
  readonly otlpEndpoint: string | undefined;
  readonly serviceName: string | undefined;
  /** `--keys` of the members; undefined for none. */
  readonly keys: string | undefined;
  /** Print requests to try once a node answers. */
  readonly tryIt: boolean;
}

/**
 * Runs the members n1…nN until SIGINT or SIGTERM, or until one of them cannot run at all (its
 * configuration or directory is refused). Resolves to the exit code.
 *
 * @throws CliError where the directory holds something else
 */
export async function runLocalCluster(options: LocalClusterOptions): Promise<number> {
  const names = Array.from({ length: options.nodes }, (_, i) => `n${i + 1}`);
  await requireLocalCluster(options.dataDir, names);
  const certificates = join(options.dataDir, 'certs');
  await writeCertificates(certificates, names);
  const members = names.map(
    (name, i) => new Member(name, wordsOf(options, names, name, i, options.tryIt && i === 0)),
  );
  return new Promise((resolve) => {
    let ending = false;
    const end = (exitCode: number): void => {
      if (ending) return;
      ending = true;
      process.off('SIGINT', stop).off('SIGTERM', stop);
      void Promise.all(members.map((member) => member.stop())).then(() => resolve(exitCode));
    };
    const stop = (): void => end(EXIT.ok);
    process.on('SIGINT', stop).on('SIGTERM', stop);
    for (const member of members) member.run(end);
  });
}

function wordsOf(
  options: LocalClusterOptions,
  names: readonly string[],
  name: string,
  i: number,
  tryIt: boolean,
): string[] {
  const peers = names.map((peer, j) => `${peer}=127.0.0.1:${options.peerPort + j}`).join(',');
  const flags = {
    name,
    host: options.host,
    port: String(options.port + i),
    'ops-port': String(options.opsPort + i),
    'peer-port': String(options.peerPort + i),
    'initial-cluster': peers,
    data: join(options.dataDir, name),
    'peer-tls': join(options.dataDir, 'certs', name),
    ...(options.keys === undefined ? {} : { keys: options.keys }),
    ...(options.reserve === undefined ? {} : { reserve: options.reserve }),
    ...(options.secrets === undefined ? {} : { secrets: options.secrets }),
    ...(options.otlpEndpoint === undefined ? {} : { 'otlp-endpoint': options.otlpEndpoint }),
    ...(options.serviceName === undefined ? {} : { 'service-name': options.serviceName }),
  };
  const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
  return ['serve', options.file, ...words, ...(tryIt ? ['--try'] : [])];
}

import { EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';
import { writeNewFile } from '../write-file.ts';

/** `lithair init [FILE]`: a commented model to begin with. */
export const initCommand: CliCommand = {
  name: 'init',
  positionals: '[FILE]',
  options: {},
  details: [
    'FILE (default model.yaml) must not exist yet. It can be served at once:',
    'Example: lithair init model.yaml && lithair serve model.yaml --try',
  ],
  async run(input) {
    const file = input.positionals[0] ?? 'model.yaml';
    await writeNewFile(file, MODEL);
    process.stdout.write(`${file}: written. Now: lithair serve ${file} --try\n`);
    return EXIT.ok;
  },
};

const MODEL = `# A Lithair model: what is declared here is a replicated REST API.
#
#   lithair serve FILE          on this machine, http://127.0.0.1:8080
#   lithair validate FILE       says what is wrong, by line and column
#   lithair client FILE         a typed client for TypeScript
#   kubectl apply -f FILE       in a cluster with the operator
#
# http://127.0.0.1:8080/docs shows what comes of it. The whole language: docs/model.md.
# Change it and start again: additive changes take effect, breaking ones are refused.
apiVersion: lithair.dev/v1alpha1
kind: LithairModel
metadata:
  name: tasks

spec:
  auth:
    mode: open                       # everybody who can connect may call
    # With tokens, what no permission grants is denied (lithair api-key NAME makes a key):
    # mode: tokens
    # apiKeys: {keys: [{name: ann, sha256: "...", roles: [Editor]}]}

  models:
    # Served at /api/projects. A primary key of type string is chosen by the client.
    - name: Project
      fields:
        - {name: id, type: string, primaryKey: true, maxLength: 60, pattern: "^[a-z0-9-]+$"}
        - {name: title, type: string, required: true, minLength: 1, maxLength: 200}

    # Served at /api/tasks. A primary key of type uuid is generated.
    - name: Task
      fields:
        - {name: id, type: uuid, primaryKey: true}
        - {name: title, type: string, required: true, minLength: 1, maxLength: 200}
        # Only one of these; a filter on it is a lookup: GET /api/tasks?status=open
        - {name: status, type: enum, values: [open, done], default: open, index: hash}
        # Sorted and searched by range: GET /api/tasks?sort=due&due[lt]=2027-01-01
        - {name: due, type: date, nullable: true, index: ordered}
        # A project that has tasks cannot be deleted. GET /api/projects/{id}/tasks lists them, and
        # GET /api/tasks?expand=project shows it beside each task.
        - {name: project, type: reference, to: Project, onDelete: restrict, index: hash}
        - {name: labels, type: array, items: {type: string, maxLength: 30}, maxItems: 20}
        # Set when the task is created, and never changed.
        - {name: createdAt, type: datetime, immutable: true, defaultFrom: now}
      # Conditions between fields, in CEL; one that is broken is 422 with its message.
      rules:
        - {expr: "self.status != 'done' || has(self.due)", message: what is done was due once}
      # The last five versions stay: GET /api/tasks/{id}/history, and ?version=1 or ?at=<time>.
      lifecycle: {versioned: 5}
      # Who may what, with mode: tokens:
      # permissions: {create: [Editor], read: [Public], update: [Editor], delete: [Editor]}

  cluster:
    voters: 3                        # in Kubernetes; serve FILE runs one, --nodes 3 three
`;

// What the language says of callers: how they prove who they are, and what their roles may do.
import { expression } from './language-rules.ts';
import { LIMITS, NAME_RULES, name } from './language-terms.ts';
import type { ListShape, RecordShape } from './shape.ts';

/** Roles that nobody is given: everybody has the first, whoever proved a subject the second. */
export const BUILT_IN_ROLES = ['Public', 'Authenticated'] as const;

/** Signatures that a token may have (RFC 7518, section 3.1). */
export const JWT_ALGORITHMS = ['HS256', 'RS256', 'ES256'] as const;

const ROLE = {
  pattern: '^[A-Z][A-Za-z0-9]*$',
  says: 'must start with a capital letter and hold only letters and digits',
  code: 'invalid_name',
} as const;

export const roles = (description: string): ListShape => ({
  kind: 'list',
  minItems: 0,
  maxItems: LIMITS.roles,
  noun: 'roles',
  of: () => ({ kind: 'text', maxLength: 63, rule: ROLE, description: 'Name of a role.' }),
  description,
});

const rowRule: RecordShape = {
  kind: 'record',
  attributes: {
    roles: { ...roles('Roles that it is for.'), required: true, minItems: 1 },
    operations: {
      kind: 'list',
      required: true,
      minItems: 1,
      maxItems: 4,
      noun: 'operations',
      of: () => ({
        kind: 'text',
        maxLength: 8,
        choices: ['create', 'read', 'update', 'delete'],
        description: 'What it lets them do.',
      }),
      description: 'What it lets them do.',
    },
    using: expression('CEL over self, the row that is there, and actor.'),
    check: expression('CEL over self, the row as it would be, old and actor; as using by default.'),
  },
  later: [],
  description: 'Lets some roles do something with the rows for which a condition holds.',
};

/** Rights on the rows of a model. */
export const modelPermissions: RecordShape = {
  kind: 'record',
  attributes: {
    create: roles('Roles that may create rows.'),
    read: roles('Roles that may read rows and lists.'),
    update: roles('Roles that may replace and patch rows.'),
    delete: roles('Roles that may delete rows.'),
    history: roles(
      'Roles that may read the past of rows; where it is not said, all that may read.',
    ),
    owner: {
      ...name(NAME_RULES.field, 'field that holds the subject who owns the row'),
      required: false,
    },
    publicIf: expression('CEL over self and actor: rows for which it holds everybody may read.'),
    rows: {
      kind: 'list',
      minItems: 1,
      maxItems: LIMITS.rowRules,
      noun: 'rows',
      of: () => rowRule,
      description: 'Rights on some rows, besides those on all of them.',
    },
  },
  later: [],
  description: 'Which roles may do what; what is not said nobody may.',
};

/** Rights on one field, within those on its model. */
export const fieldPermissions: RecordShape = {
  kind: 'record',
  attributes: {
    read: roles('Roles that may read the field; where it is not said, all that may read rows.'),
    write: roles('Roles that may write the field; where it is not said, all that may write rows.'),
  },
  later: [],
  description: 'Which roles may read and write the field.',
};

const apiKey: RecordShape = {
  kind: 'record',
  key: 'name',
  attributes: {
    name: {
      kind: 'text',
      required: true,
      maxLength: 63,
      rule: {
        pattern: '^[a-z]([a-z0-9-]*[a-z0-9])?$',
        says: 'must start with a small letter and hold only small letters, digits and inner dashes',
        code: 'invalid_name',
      },
      description: 'What audits call the holder of the key.',
    },
    sha256: {
      kind: 'text',
      required: true,
      maxLength: 64,
      rule: {
        pattern: '^[0-9a-f]{64}$',
        says: 'must be the 64 hex digits that `lithair api-key` shows',
        code: 'invalid_value',
      },
      description: 'SHA-256 of the key; the key itself is never written down.',
    },
    roles: roles('Roles of the holder.'),
  },
  later: [],
  description: 'A key that a program sends.',
};

const jwt: RecordShape = {
  kind: 'record',
  attributes: {
    issuer: {
      kind: 'text',
      required: true,
      maxLength: 500,
      description: 'What the claim iss must be.',
    },
    audience: {
      kind: 'text',
      required: true,
      maxLength: 500,
      description: 'What the claim aud must be or hold.',
    },
    algorithms: {
      kind: 'list',
      required: true,
      minItems: 1,
      maxItems: JWT_ALGORITHMS.length,
      noun: 'algorithms',
      of: () => ({
        kind: 'text',
        maxLength: 16,
        choices: JWT_ALGORITHMS,
        description: 'A signature algorithm.',
      }),
      description: 'Signatures that are taken.',
    },
    jwks: {
      kind: 'text',
      maxLength: 32_768,
      description: 'Public keys, as the JSON text of a JWK set (RS256, ES256).',
    },
    jwksUri: {
      kind: 'text',
      maxLength: 2_000,
      rule: {
        pattern: '^https?://[^\\s]+$',
        says: 'must be an http or https address',
        code: 'invalid_value',
      },
      description: 'Where the JWK set is fetched (RS256, ES256).',
    },
    secretName: {
      kind: 'text',
      maxLength: 253,
      rule: {
        pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
        says: 'must be the name of a secret',
        code: 'invalid_name',
      },
      description: 'Secret whose entry `key` signs tokens (HS256).',
    },
    subjectClaim: claim('Claim that holds the subject; sub by default.'),
    rolesClaim: claim('Claim that lists the roles; roles by default. Dots lead into objects.'),
    leewaySeconds: {
      kind: 'integer',
      minimum: 0,
      maximum: 600,
      description: 'By how much clocks may differ; 30 by default.',
    },
  },
  later: [],
  description: 'Tokens of an identity provider (RFC 7519).',
};

function claim(description: string) {
  return {
    kind: 'text',
    maxLength: 200,
    rule: {
      pattern: '^[A-Za-z0-9_:/-]+(\\.[A-Za-z0-9_:/-]+)*$',
      says: 'must be the name of a claim, or names with dots between them',
      code: 'invalid_name',
    },
    description,
  } as const;
}

export const auth: RecordShape = {
  kind: 'record',
  attributes: {
    mode: {
      kind: 'text',
      required: true,
      maxLength: 32,
      choices: ['open', 'tokens'],
      description: 'Who may call: everybody, or who the permissions name.',
    },
    apiKeys: {
      kind: 'record',
      attributes: {
        keys: {
          kind: 'list',
          required: true,
          minItems: 1,
          maxItems: LIMITS.apiKeys,
          noun: 'keys',
          of: () => apiKey,
          description: 'The keys.',
        },
      },
      later: [],
      description: 'Keys for programs.',
    },
    jwt,
  },
  later: [],
  description: 'Who may call the API.',
};

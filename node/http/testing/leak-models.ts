/** As many entries of the log as a row takes, about something else. */
export const FILLER = {
  name: 'Filler',
  fields: [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'rev', type: 'integer' },
  ],
  permissions: { create: ['Admin'], update: ['Admin'], delete: ['Admin'] },
};

/**
 * Notes that everybody may read, and which refer to rows.
 *
 * @param readers who may read to which one; null: everybody
 */
export function notesOf(readers: readonly string[] | null) {
  const permissions = readers === null ? {} : { permissions: { read: [...readers, 'Admin'] } };
  return {
    name: 'Note',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'text', type: 'string' },
      { name: 'row', type: 'reference', to: 'Row', nullable: true, ...permissions },
    ],
    permissions: { create: ['Admin'], read: ['Public'] },
  };
}

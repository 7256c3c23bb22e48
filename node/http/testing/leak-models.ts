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
 * @param onDelete what becomes of them with the row
 */
export function notesOf(readers: readonly string[] | null, onDelete: 'restrict' | 'setNull') {
  const permissions = readers === null ? {} : { permissions: { read: [...readers, 'Admin'] } };
  return {
    name: 'Note',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'text', type: 'string' },
      { name: 'row', type: 'reference', to: 'Row', nullable: true, onDelete, ...permissions },
    ],
    permissions: { create: ['Admin'], read: ['Public'] },
  };
}

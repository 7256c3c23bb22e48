/** Version of this build; the build of the images replaces it by the release's own. */
export const VERSION = process.env['LITHAIR_VERSION'] ?? '0.1.0-dev';

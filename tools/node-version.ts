/** Ends the process where it runs on an older Node than the project needs. */
export function requireNode24(): void {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 24) return;
  console.error(`Node 24 or later is needed, this is ${process.version}: run this through make`);
  process.exit(2);
}

export { becomeWhole } from './elastic-members.ts';
export { torment } from './nemesis.ts';

export { torment } from './nemesis.ts';

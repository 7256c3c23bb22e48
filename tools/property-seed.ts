/**
 * Loaded into every test process: property tests draw the same examples in every run, so that a
 * change is judged by its own effect. `PROPERTY_SEED=7 make test` draws others.
 */
import { configureGlobal } from 'fast-check';

configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 20_260_101) });

/** A plant file as the hub and its commands read it: what is kept and sent around says the same everywhere, so no variables. */
import { parseYaml } from '../../config/load.ts';
import type { ReadPlant } from '../plant/book.ts';
import { plantSchema } from '../plant/plant-file.ts';

export const readPlant: ReadPlant = (content, file) => parseYaml(content, file, plantSchema, {});

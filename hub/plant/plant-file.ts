/**
 * The schema of a plant file with every check that needs no tags: what a loader parses with, so that a mistake in a
 * value and a contradiction between two parts are both told with line and column.
 */
import { checkPlant } from './check.ts';
import { plantShape } from './schema.ts';

export const plantSchema = plantShape.superRefine((config, context) => {
  for (const { path, message } of checkPlant(config)) {
    context.addIssue({ code: 'custom', path: [...path], message: message.en, params: { fa: message.fa } });
  }
});

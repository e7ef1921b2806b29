/** Changes to a YAML file that a person wrote: everything else in it stays as it was, comments included. */
import { isMap, parseDocument } from 'yaml';
import { ConfigError } from '../protocols/errors.ts';

type Place = readonly (string | number)[];

/** What `tagsFile` says at `place`, before variables are replaced; undefined where it says nothing. */
export function tagsFileAt(text: string, place: Place): string | undefined {
  const found = parseDocument(text).getIn([...place, 'tagsFile']);
  return typeof found === 'string' ? found : undefined;
}

/**
 * The text with the tags at `place` (`sources.0.groups.1`) kept in a file of their own from now on: `tagsFile` names
 * it, and `tags` that stood there are gone.
 * @throws {ConfigError} nothing is at that place.
 */
export function withTagsFile(text: string, file: string, place: Place, tagsFile: string): string {
  const document = parseDocument(text);
  const map = document.getIn(place, true);
  if (document.errors.length > 0 || !isMap(map)) {
    const hint = 'Check the file with "payesh-agent check -c agent.yaml".';
    throw new ConfigError(`there is no ${place.join('.')}`, { path: file, hint });
  }
  map.delete('tags');
  map.set('tagsFile', tagsFile);
  return document.toString({ lineWidth: 0 });
}

/** What the import check needs to know of a source file, read without a parser: comments and texts are taken out first. */

export interface SourceFile {
  /** Module names of static, dynamic, side-effect and type-only imports and re-exports. */
  readonly specifiers: readonly string[];
  /** Dynamic imports of something that is not a literal. */
  readonly computedImports: number;
  /** `exit` for `process.exit(1)`. */
  readonly processMembers: readonly string[];
}

const commentOrText = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

export function importsOf(source: string): SourceFile {
  const texts: string[] = [];
  // A text becomes «its number», so that code quoted in a text is not taken for code.
  const code = source.replace(commentOrText, (found) => {
    if (found.startsWith('/')) return ' ';
    texts.push(found.slice(1, -1));
    return `«${texts.length - 1}»`;
  });
  const numbers = [
    ...code.matchAll(/\b(?:import|export)\b[^;«»()=]*?\bfrom\s*«(\d+)»/g),
    ...code.matchAll(/\bimport\s*«(\d+)»/g),
    ...code.matchAll(/\bimport\s*\(\s*«(\d+)»\s*[),]/g),
  ].map((match) => Number(match[1]));
  return {
    specifiers: numbers.map((number) => texts[number]!),
    computedImports: [...code.matchAll(/\bimport\s*\((?!\s*«\d+»\s*[),])/g)].length,
    processMembers: [...code.matchAll(/(?<![\w.$])process\s*\??\.\s*(\w+)/g)].map((match) => match[1]!),
  };
}

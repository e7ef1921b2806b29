/** What every part of the interview works with, and what the parts hand to the writer of agent.yaml. */
import type { Interview } from '../../terminal/interview.ts';
import type { Terminal } from '../../terminal/terminal.ts';

export interface InitOptions {
  readonly out: string;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly agent?: string;
  readonly site?: string;
  readonly dataDir?: string;
  readonly broker?: string;
  readonly passwordFile?: string;
  readonly statusPort: number;
  readonly opcua?: string;
  readonly trust?: string;
  readonly from?: string;
  readonly filter?: string;
  readonly user?: string;
  readonly userPasswordFile?: string;
  readonly waiver?: string;
  readonly waiverUntil?: string;
  readonly modbus?: string;
  readonly unit: readonly number[];
  readonly byteOrder: readonly string[];
  readonly tags: readonly string[];
}

export interface InitContext {
  readonly options: InitOptions;
  readonly interview: Interview;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Folder of agent.yaml. */
  readonly folder: string;
  readonly dataDir: string;
  /** Paths of the tags so far, of all sources. */
  readonly paths: Set<string>;
  /** Names of the sources so far. */
  readonly ids: Set<string>;
  /** A source's name that is not taken yet. */
  readonly sourceId: (kind: string) => Promise<string>;
}

/** A file to be written beside agent.yaml. */
export interface NewFile {
  readonly name: string;
  readonly text: string;
  readonly secret?: boolean;
}

/** One source: lines of YAML without indentation, and the files that they name. */
export interface SourceDraft {
  readonly yaml: readonly string[];
  readonly files: readonly NewFile[];
  /** For the summary: `opc.tcp://…: 28 tags`. */
  readonly summary: string;
}

/** Any text as YAML: JSON's strings are YAML's. Plain where that is safe, since people read it. */
export const yamlText = (text: string): string =>
  /^([A-Za-z/.][\w./:@%+-]*|\d+\.\d+\.\d+\.\d+)$/.test(text) && !/:$|^(true|false|null|yes|no|on|off)$/i.test(text)
    ? text
    : JSON.stringify(text);

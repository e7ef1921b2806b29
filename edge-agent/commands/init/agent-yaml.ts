/** The text of a new agent.yaml, with comments for whoever opens it next. */
import { type SourceDraft, yamlText } from './context.ts';

export interface AgentDraft {
  readonly agent: string;
  readonly site: string;
  readonly dataDir: string;
  readonly broker: string;
  readonly passwordFile: string;
  readonly statusPort: number;
  readonly schemaFile: string;
  readonly sources: readonly SourceDraft[];
}

export function agentYaml(draft: AgentDraft): string {
  const sources = draft.sources.flatMap(({ yaml }) => yaml.map((line, i) => `${i === 0 ? '  - ' : '    '}${line}`));
  return `# yaml-language-server: $schema=${draft.schemaFile}
# Made by "payesh-agent init". Change it with any editor: "payesh-agent check -c" on it tells mistakes with their line,
# and the running agent takes a good file by itself and keeps the old one while the file is wrong.

# This agent's name, and its user name at the broker.
agent: ${draft.agent}
# Where the plant stands in the national tree; the paths of all tags are below it.
site: ${draft.site}
# Samples that wait for the hub, this agent's own key, and the servers it trusts. Keep this folder when you reinstall.
dataDir: ${yamlText(draft.dataDir)}

broker:
  url: ${yamlText(draft.broker)}
  # The password stands in this file, and nowhere else.
  password: { file: ${yamlText(draft.passwordFile)} }

# The page for the technician, on this computer only: http://127.0.0.1:${draft.statusPort}/
status:
  port: ${draft.statusPort}

# What is read. "payesh-agent plan" shows the requests, "payesh-agent import" takes another wiring list.
sources:
${sources.join('\n')}
`;
}

/**
 * `payesh-agent completion` prints the script with which a shell completes; that script asks the hidden `complete` at
 * every Tab. Only there the commands are described to the completion library.
 */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Argument, Command, type Option } from 'commander';
import { runTool } from './command.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
const program = 'payesh-agent';

/**
 * The library's own for bash needs the package bash-completion, breaks when it is sourced twice, and evaluates what was
 * typed. What `complete` prints is a candidate and its description in each line, and a last line that begins with a colon.
 */
const bashScript = `# bash completion for payesh-agent
__payesh_agent_complete() {
  local line words
  read -ra words <<< "\${COMP_LINE:0:COMP_POINT}"
  [[ "\${COMP_LINE:0:COMP_POINT}" == *[[:space:]] ]] && words+=("")
  local current="\${words[-1]}"
  COMPREPLY=()
  while IFS= read -r line; do
    line="\${line%%$'\\t'*}"
    [[ "$line" == :* || "$line" != "$current"* ]] || COMPREPLY+=("$(printf %q "$line")")
  done < <(payesh-agent complete -- "\${words[@]:1}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} == 1 && "\${COMPREPLY[0]}" == */ ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o nosort -F __payesh_agent_complete payesh-agent`;

export const completionCommand = (): Command =>
  new Command('completion')
    .description('print the script for completion in a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText(
      'after',
      `
Examples:
  payesh-agent completion bash > /etc/bash_completion.d/payesh-agent
  source <(payesh-agent completion zsh)
  payesh-agent completion fish > ~/.config/fish/completions/payesh-agent.fish`,
    )
    .action((shell: (typeof shells)[number]) =>
      runTool(async (terminal) => {
        if (shell === 'bash') return terminal.print(bashScript);
        const { script } = await import('@bomb.sh/tab');
        script(shell, program, program);
      }),
    );

export const completeCommand = (root: Command): Command =>
  new Command('complete').argument('[words...]').action((words: string[]) =>
    runTool(async () => {
      const { default: tab } = await import('@bomb.sh/tab');
      const describe = (command: Command, name: string) => {
        const described = name === '' ? tab : tab.command(name, command.description());
        for (const option of command.createHelp().visibleOptions(command)) describeOption(described, option, words);
        for (const argument of command.registeredArguments) {
          const values = () => argument.argChoices ?? (argument.name().includes('file') ? filesFor(words) : []);
          described.argument(argument.name(), offering(values), argument.variadic);
        }
        for (const inner of command.createHelp().visibleCommands(command)) {
          if (inner.name() !== 'help') describe(inner, `${name} ${inner.name()}`.trim());
        }
      };
      describe(root, '');
      tab.parse(words);
    }),
  );

type Described = Pick<import('@bomb.sh/tab').Command, 'option'>;

function describeOption(described: Described, option: Option, words: readonly string[]): void {
  const name = option.long?.slice(2);
  if (name === undefined) return;
  const alias = option.short?.slice(1);
  if (!option.required) {
    if (alias === undefined) described.option(name, option.description);
    else described.option(name, option.description, alias);
    return;
  }
  const isFile = /<(file|dir)[^>]*>/.test(option.flags);
  const values = () => option.argChoices ?? (isFile ? filesFor(words) : []);
  described.option(name, option.description, offering(values), alias);
}

/** Asked for only when the shell has come to that option. */
const offering =
  (values: () => readonly string[]) =>
  (offer: (value: string, description: string) => void): void => {
    for (const value of values()) offer(value, '');
  };

/** Files and folders that begin as the last word does: the library tells the shell not to look itself. */
function filesFor(words: readonly string[]): string[] {
  const word = words.at(-1) ?? '';
  const folder = word.endsWith('/') ? word : dirname(word);
  try {
    const entries = readdirSync(folder === '' ? '.' : folder, { withFileTypes: true });
    return entries.map((entry) => {
      const path = folder === '.' && !word.startsWith('./') ? entry.name : join(folder, entry.name);
      return entry.isDirectory() ? `${path}/` : path;
    });
  } catch {
    return [];
  }
}

/** `payesh-agent doctor`: tests every step from the devices to the hub, and says what to do where one is not well. */
import { Command } from 'commander';
import { exitCodes } from '../../config/process.ts';
import { type CheckResult, needsPerson, runChecks, type ToldFinding } from '../doctor/check.ts';
import type { DoctorWords } from '../doctor/words-en.ts';
import type { Language } from '../status/problems.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { runTool } from './command.ts';
import { languageOption } from './language.ts';

interface DoctorOptions {
  readonly config: string;
  readonly json?: boolean;
  readonly lang: Language;
}

export const doctorCommand = (): Command =>
  new Command('doctor')
    .description('test every step from the devices to the hub, and say what to do')
    .requiredOption('-c, --config <file>', 'agent.yaml')
    .addOption(languageOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Nothing is written to a device. While the agent runs, its own connections are not tried but asked of it.
Exit codes: 0 all is well, 1 something needs a person, 78 the configuration must be changed.`,
    )
    .action(({ config: file, json, lang }: DoctorOptions) =>
      runTool(async (terminal, signal) => {
        const [{ agentOf }, { sayIn }] = await Promise.all([import('./agent-config.ts'), import('../doctor/say.ts')]);
        const say = sayIn(lang);
        const { config, secret } = agentOf(file);
        const tell = json ? () => {} : (result: CheckResult) => print(result, terminal);
        const results: CheckResult[] = [
          {
            name: say.names.configuration,
            findings: [{ level: 'good', ...say.configurationRight(file, config.agent, config.site) }],
          },
        ];
        tell(results[0]!);
        for await (const result of check()) {
          results.push(result);
          tell(result);
        }
        const findings = results.flatMap((result) => result.findings);
        const wrong = findings.filter(needsPerson).length;
        if (json) terminal.printJson({ ok: wrong === 0, checks: results });
        else summarise(wrong, say, terminal);
        process.exitCode = wrong > 0 ? exitCodes.problems : 0;

        async function* check(): AsyncGenerator<CheckResult> {
          using progress = terminal.progress('is an agent running here?');
          const { reportOf } = await import('./running-agent.ts');
          const running = await reportOf(config.dataDir, signal);
          const { checksOf } = await import('../doctor/checks.ts');
          const checks = await checksOf({ config, file, secret, running });
          progress.update(`checking ${checks[0]!.name(say)}`);
          let told = 0;
          for await (const result of runChecks(checks, say, signal)) {
            yield result;
            const next = checks[++told];
            if (next) progress.update(`checking ${next.name(say)}`);
          }
        }
      }),
    );

const signs = {
  good: ['green', '✔'],
  note: ['dim', '·'],
  warning: ['yellow', '!'],
  bad: ['red', '✖'],
} as const;

function print({ name, findings }: CheckResult, terminal: Terminal): void {
  terminal.print(terminal.style('bold', name));
  for (const finding of findings) printFinding(finding, terminal);
}

function printFinding({ level, text, todo = [] }: ToldFinding, terminal: Terminal): void {
  const [colour, sign] = signs[level];
  terminal.print(`  ${terminal.style(colour, sign)} ${text}`);
  for (const step of todo) terminal.print(`      → ${step}`);
}

function summarise(wrong: number, say: DoctorWords, terminal: Terminal): void {
  terminal.print();
  if (wrong === 0) terminal.print(terminal.style('green', say.well()));
  else terminal.print(terminal.style('red', say.needsPerson(wrong)));
}

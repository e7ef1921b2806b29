/** `payesh-agent doctor`: tests every step from the devices to the hub, and says what to do where one is not well. */
import { Command } from 'commander';
import { exitCodes } from '../../config/process.ts';
import { type CheckResult, type Finding, good, needsPerson, runChecks } from '../doctor/check.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { runTool } from './command.ts';

interface DoctorOptions {
  readonly config: string;
  readonly json?: boolean;
}

export const doctorCommand = (): Command =>
  new Command('doctor')
    .description('test every step from the devices to the hub, and say what to do')
    .requiredOption('-c, --config <file>', 'agent.yaml')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Nothing is written to a device. While the agent runs, its own connections are not tried but asked of it.
Exit codes: 0 all is well, 1 something needs a person, 78 the configuration must be changed.`,
    )
    .action(({ config: file, json }: DoctorOptions) =>
      runTool(async (terminal, signal) => {
        const { agentOf } = await import('./agent-config.ts');
        const { config, secret } = agentOf(file);
        const tell = json ? () => {} : (result: CheckResult) => print(result, terminal);
        const results: CheckResult[] = [
          { name: 'configuration', findings: [good(`${file} is right: agent ${config.agent} of ${config.site}`)] },
        ];
        tell(results[0]!);
        for await (const result of check()) {
          results.push(result);
          tell(result);
        }
        const findings = results.flatMap((result) => result.findings);
        const wrong = findings.filter(needsPerson).length;
        if (json) terminal.printJson({ ok: wrong === 0, checks: results });
        else summarise(wrong, terminal);
        process.exitCode = wrong > 0 ? exitCodes.problems : 0;

        async function* check(): AsyncGenerator<CheckResult> {
          using progress = terminal.progress('is an agent running here?');
          const { reportOf } = await import('./running-agent.ts');
          const running = await reportOf(config.dataDir, signal);
          const { checksOf } = await import('../doctor/checks.ts');
          const checks = await checksOf({ config, file, secret, running });
          progress.update(`checking ${checks[0]!.name}`);
          let told = 0;
          for await (const result of runChecks(checks, signal)) {
            yield result;
            const next = checks[++told];
            if (next) progress.update(`checking ${next.name}`);
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

function printFinding({ level, text, todo = [] }: Finding, terminal: Terminal): void {
  const [colour, sign] = signs[level];
  terminal.print(`  ${terminal.style(colour, sign)} ${text}`);
  for (const step of todo) terminal.print(`      → ${step}`);
}

function summarise(wrong: number, terminal: Terminal): void {
  terminal.print();
  if (wrong === 0) terminal.print(terminal.style('green', 'All is well.'));
  else terminal.print(terminal.style('red', `${wrong} ${wrong === 1 ? 'thing needs' : 'things need'} a person.`));
}

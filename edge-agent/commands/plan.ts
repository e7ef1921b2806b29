/**
 * `payesh-agent plan`: which requests the agent will send to each Modbus device, and how much of the line they take. What
 * cannot fit is refused where every command reads agent.yaml: exit code 78, with the place.
 */
import { Command } from 'commander';
import type { PlanReport } from '../../protocols/modbus/plan-report.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { runTool } from './command.ts';
import { sourceOption } from './opcua-options.ts';

interface PlanOptions {
  readonly config: string;
  readonly source?: string;
  readonly json?: boolean;
}

interface SourcePlan extends PlanReport {
  readonly source: string;
  readonly target: string;
}

export const planCommand = (): Command =>
  new Command('plan')
    .description('show the Modbus requests that a configuration leads to; refuse what cannot fit')
    .requiredOption('-c, --config <file>', 'agent.yaml')
    .addOption(sourceOption())
    .option('--json', 'print JSON')
    .action((options: PlanOptions) =>
      runTool(async (terminal) => {
        const [{ agentOf, modbusSourcesOf }, { planReport }, { connectionName }] = await Promise.all([
          import('./agent-config.ts'),
          import('../../protocols/modbus/plan-report.ts'),
          import('../../protocols/modbus/connection-config.ts'),
        ]);
        const sources = modbusSourcesOf(agentOf(options.config), options.source);
        const plans = sources.map((source): SourcePlan => {
          return { source: source.id, target: connectionName(source), ...planReport(source) };
        });
        if (plans.length === 0) terminal.note('No Modbus source: an OPC UA server says itself what has changed.');
        if (options.json) terminal.printJson(plans);
        else for (const plan of plans) printPlan(plan, terminal);
      }),
    );

function printPlan({ source, target, groups, ...totals }: SourcePlan, terminal: Terminal): void {
  terminal.print(`${terminal.style('bold', source)}  ${target}`);
  const columns = [
    { title: 'UNIT', align: 'right' },
    { title: 'EVERY', align: 'right' },
    { title: 'TABLE' },
    { title: 'FROM', align: 'right' },
    { title: 'COUNT', align: 'right' },
    { title: 'TAGS', align: 'right' },
    { title: 'BYTES', align: 'right' },
  ] as const;
  const rows = groups.flatMap(({ unit, intervalMs, requests }) =>
    requests.map(({ table, address, count, tags, bytes }) => [
      unit,
      `${intervalMs} ms`,
      table,
      address,
      count,
      tags,
      bytes,
    ]),
  );
  terminal.printTable(columns, rows);
  const requests = `${round(totals.requestsPerS)} requests/s, ${round(totals.bytesPerS)} bytes/s`;
  const line = `${round(totals.msPerS)} ms of every second (${percent(totals.utilisation)})`;
  terminal.print(`${requests}, ${line}`);
  for (const assumption of totals.assumptions) terminal.print(terminal.style('dim', `  assumed: ${assumption}`));
  for (const warning of totals.warnings) terminal.print(terminal.style('yellow', `  warning: ${warning}`));
  terminal.print();
}

const round = (value: number): string => String(Number(value.toPrecision(3)));
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** `payesh-hub plant baseline`: fits an energy baseline to what is stored and prints it as an entry for the plant file. */
import { Command } from 'commander';
import { askHub } from './ask-hub.ts';
import { asked } from './delivery/asked.ts';
import { printJson, printTable } from './table.ts';

interface Fit {
  readonly entry: Readonly<Record<string, unknown>> & {
    readonly fit?: { readonly r2: number | null; readonly cvRmse: number | null };
  };
  readonly accepted: boolean | null;
  readonly periods: readonly {
    readonly start: string;
    readonly energy: number | null;
    readonly expected: number | null;
    readonly cusum: number | null;
    readonly left_out: string | null;
  }[];
}

export const plantBaselineCommand = (): Command =>
  asked(new Command('baseline').argument('<meter>', 'full path'))
    .description('fit an energy baseline to stored days; prints the entry for "baselines" of the plant file')
    .requiredOption('--from <time>', 'begin of the reference period; a Jalali date will do')
    .requiredOption('--to <time>')
    .option('--per <period>', 'day or month', 'day')
    .option('--energy <unit>', 'kWh, or energy_MJ of any carrier', 'kWh')
    .option('--method <name>', 'ratio, linear, above, below, bend', 'linear')
    .option('--variables <names>', 'PQ, GQ, GQ_std, GQ_t, HDD_Kd, CDD_Kd; two with a comma', 'GQ')
    .action(async (meter: string, { json, url, token, ...query }) => {
      const text = new URLSearchParams({ meter, ...query });
      const fit = await askHub<Fit>({ url, token }, `/baselines/fit?${text}`);
      if (json) return printJson(fit);
      const rows = fit.periods.map(({ start, energy, expected, cusum, left_out }) => [
        ...[start, energy, expected, cusum, left_out],
      ]);
      printTable(['PERIOD', 'ENERGY', 'EXPECTED', 'CUSUM', 'LEFT OUT'], rows);
      const { r2 = null, cvRmse = null } = fit.entry.fit ?? {};
      console.log(`\nR² ${r2}, CV(RMSE) ${cvRmse}: ${fit.accepted ? 'within' : 'beyond'} ASHRAE Guideline 14.`);
      console.log('For the plant file, once somebody answers for it (code, from, author):\n\nbaselines:');
      console.log(`  - ${JSON.stringify(fit.entry)}`);
    });

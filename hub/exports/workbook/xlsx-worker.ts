/** The thread of `write-xlsx.ts`: takes sheets, answers once with the file. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Sheet } from './sheet.ts';
import type { WorkbookLook, WorkbookPart } from './write-xlsx.ts';
import { encodeWorkbook } from './xlsx.ts';

const sheets: (Sheet & { rows: Sheet['rows'][number][] })[] = [];

parentPort!.on('message', (part: WorkbookPart) => {
  if (part === undefined) {
    const bytes = encodeWorkbook(sheets, workerData as WorkbookLook);
    parentPort!.postMessage(bytes, [bytes.buffer]);
  } else if ('more' in part) {
    sheets.at(-1)!.rows.push(...part.more);
  } else {
    sheets.push({ ...part, rows: [...part.rows] });
  }
});

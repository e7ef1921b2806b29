/** Dead letters on their way into the store: the note that one is under way, and what is no longer listed after it. */
import type { Database } from 'better-sqlite3';
import type { Stream } from './ledger.ts';

export interface Replays {
  begin(stream: number, numbers: readonly number[]): void;
  unfinished(): { readonly stream: number; readonly numbers: readonly number[] } | undefined;
  /** Within a transaction. What the stream counts then. */
  resolve(stream: Stream, numbers: readonly number[]): Pick<Stream, 'samples' | 'deadLetters'>;
}

export function prepareReplays(db: Database): Replays {
  const writeNote = db.prepare("INSERT OR REPLACE INTO meta VALUES ('replay', ?)");
  const selectNote = db.prepare<[], string>("SELECT value FROM meta WHERE key = 'replay'").pluck();
  const deleteNote = db.prepare("DELETE FROM meta WHERE key = 'replay'");
  const selectTime = db
    .prepare<[number, number], number>('SELECT time FROM dead_letter WHERE stream = ? AND number = ?')
    .pluck();
  const deleteLetter = db.prepare('DELETE FROM dead_letter WHERE stream = ? AND number = ?');
  const insertAmendment = db.prepare(
    'INSERT INTO amendment (stream, rewound_to, from_time, to_time) VALUES (?, NULL, ?, ?)',
  );
  const writeCounts = db.prepare('UPDATE stream SET samples = ?, dead_letters = ? WHERE number = ?');

  return {
    begin: (stream, numbers) => void writeNote.run(JSON.stringify({ stream, numbers })),
    unfinished() {
      const note = selectNote.get();
      return note === undefined ? undefined : JSON.parse(note);
    },
    resolve({ number, through, samples, deadLetters }, numbers) {
      const times = numbers.flatMap((letter) => selectTime.get(number, letter) ?? []);
      if (times.length > 0) {
        const [from, to] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))];
        insertAmendment.run(number, from, to);
      }
      let resolved = 0;
      for (const letter of numbers) {
        const { changes } = deleteLetter.run(number, letter);
        // Beyond `through` the stream does not count it.
        if (letter <= through) resolved += changes;
      }
      const counts = { samples: samples + resolved, deadLetters: deadLetters - resolved };
      writeCounts.run(counts.samples, counts.deadLetters, number);
      deleteNote.run();
      return counts;
    },
  };
}

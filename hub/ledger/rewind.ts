/**
 * Takes a stream back: what was settled beyond a number is forgotten, so that its agent sends it again (R22). Dead letters
 * stay, beyond `through`: a verdict does not change because a number comes again, and the store may know it by now.
 */
import type { Database } from 'better-sqlite3';
import type { Stream } from './ledger.ts';

export type Rewound = Pick<Stream, 'through' | 'samples' | 'deadLetters' | 'lastAcceptedAt'>;

/** To the end of the last frame or gap that lies wholly at or below `to`; never into what retention deleted. */
export function prepareRewind(db: Database): (stream: Stream, to: number) => Rewound {
  const lastTile = db
    .prepare<{ stream: number; to: number }, number | null>(
      `SELECT max(last) FROM (SELECT max(last) AS last FROM batch WHERE stream = :stream AND last <= :to
       UNION ALL SELECT max(last) FROM gap WHERE stream = :stream AND last <= :to
       UNION ALL SELECT max(last) FROM elsewhere WHERE stream = :stream AND last <= :to)`,
    )
    .pluck();
  const counted = db.prepare<{ stream: number; kept: number; through: number }, { numbers: number; letters: number }>(
    `SELECT (SELECT coalesce(sum(last - first + 1), 0) FROM batch WHERE stream = :stream AND first > :kept) AS numbers,
     (SELECT count(*) FROM dead_letter WHERE stream = :stream AND number > :kept AND number <= :through) AS letters`,
  );
  const acceptedAt = db
    .prepare<[number], number>('SELECT accepted_at FROM batch WHERE stream = ? ORDER BY first DESC LIMIT 1')
    .pluck();
  const deletions = [
    'DELETE FROM batch WHERE stream = ? AND first > ?',
    'DELETE FROM gap_acknowledgement WHERE stream = ? AND first > ?',
    'DELETE FROM gap WHERE stream = ? AND first > ? AND last IS NOT NULL',
    'DELETE FROM elsewhere WHERE stream = ? AND first > ?',
  ].map((sql) => db.prepare(sql));
  // A stream that is closed still ends nobody knows where.
  const moveOpenGap = db.prepare('UPDATE gap SET first = ? WHERE stream = ? AND last IS NULL');
  const write = db.prepare(
    'UPDATE stream SET through = ?, samples = ?, dead_letters = ?, last_accepted_at = ? WHERE number = ?',
  );

  return db.transaction((stream: Stream, to: number): Rewound => {
    const { number } = stream;
    const kept = Math.max(stream.expired, lastTile.get({ stream: number, to }) ?? 0);
    const { numbers, letters } = counted.get({ stream: number, kept, through: stream.through })!;
    for (const deletion of deletions) deletion.run(number, kept);
    moveOpenGap.run(kept + 1, number);
    const rewound = {
      through: kept,
      samples: stream.samples - (numbers - letters),
      deadLetters: stream.deadLetters - letters,
      lastAcceptedAt: acceptedAt.get(number) ?? null,
    };
    write.run(rewound.through, rewound.samples, rewound.deadLetters, rewound.lastAcceptedAt, number);
    return rewound;
  });
}

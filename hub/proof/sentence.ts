/** What a proof comes to, in one sentence. */
import type { Doubles } from './doubles.ts';
import type { StreamProof } from './stream-proof.ts';

const count = (value: number): string => value.toLocaleString('en');

export function sentenceOf(streams: readonly StreamProof[], doubles: Doubles, ok: boolean): string {
  if (!ok) {
    const broken = streams.flatMap(({ agent, invariants }) =>
      invariants.filter((invariant) => !invariant.ok).map(({ id, detail }) => `${id} of ${agent}: ${detail}`),
    );
    return `NOT proved: ${broken.join('; ')}.`;
  }
  if (streams.length === 0) return 'Nothing to prove yet: no agent has ever greeted this hub.';
  const sum = (
    key:
      | 'through'
      | 'expired'
      | 'inherited'
      | 'elsewhere'
      | 'stored'
      | 'deadLetters'
      | 'gapNumbers'
      | 'beyond'
      | 'frames'
      | 'framesCompared',
  ) => streams.reduce((total, stream) => total + stream[key], 0);
  const expired = sum('expired') - sum('inherited');
  const deleted = expired > 0 ? `${count(expired)} deleted by retention; ` : '';
  const beyond = sum('beyond');
  const unacknowledged = beyond > 0 ? `${count(beyond)} more stored that were never acknowledged; ` : '';
  const twice = doubles.count > 0 ? `${count(doubles.count)} came twice, under numbers of two streams; ` : '';
  return (
    `Every one of the ${count(sum('through') - sum('inherited') - sum('elsewhere'))} samples that the hub has acknowledged is stored exactly once or listed with its reason: ` +
    `${count(sum('stored'))} stored, ${count(sum('deadLetters'))} dead letters, ${count(sum('gapNumbers'))} in declared gaps; ` +
    `${deleted}${unacknowledged}${twice}${count(sum('framesCompared'))} of ${count(sum('frames'))} frames compared value by value.`
  );
}

/**
 * Whether the hub's numbers are this buffer's. A buffer may have been set back to an older image, have been started any
 * number of times since, and have given numbers again that the hub has from before; the hub may have been set back as
 * well, even to a state whose numbers this buffer has since given otherwise. So `through` alone says nothing: what counts
 * is whether the frame that ends there is the same on both sides.
 *
 * A frame is made once, on top of all before it. Two histories that share a frame share everything before it, and from
 * the first in which they differ on they share none. Hence a welcome has one of three meanings:
 *
 * 1. `through` is below what is kept. What is gone was acknowledged by a hub that agreed; this one went back. Go on.
 * 2. The frame that ends at `through` is the same. Everything up to it is settled, and nothing after it. Go on.
 * 3. It is another, or none of ours. The last frame that both have is looked for, by greeting a few times with 32
 *    numbers between the last that agrees and the first that does not. What follows it here, sent or not, gets new
 *    numbers in a new epoch: nothing is passed over, and nothing is sent twice.
 *
 * A frame that the hub cannot name (retention has taken it) does not agree: in doubt a sample comes twice, never not at
 * all. Numbers whose frames were damaged here are neither; they agree where the frame before them does.
 */
import { type Fingerprint, isSame } from '../../protocols/fingerprint.ts';
import { gapReasons } from '../../protocols/gap.ts';
import { type Ack, maxCompared } from '../../protocols/messages.ts';
import type { OutgoingStream } from '../buffer/buffer.ts';

/** `open`: to be found out by greeting again, with other questions. */
export type Finding = 'agreed' | 'open' | { readonly partedAfter: number };

export interface Agreement {
  /** Numbers whose frames the next hello asks about. */
  readonly questions: readonly number[];
  weigh(welcome: Pick<Ack, 'through' | 'frames' | 'compared' | 'hubBoot'>): Promise<Finding>;
}

export function createAgreement(stream: Pick<OutgoingStream, 'state' | 'fingerprints'>): Agreement {
  /** Frames end after `from` and before `to` of which it is not known whether the hub has them. */
  let search: { of: string; from: number; to: number; asked: readonly Fingerprint[] } | undefined;

  const frameAt = async (number: number): Promise<Fingerprint | undefined> =>
    number < stream.state().next ? (await stream.fingerprints([number]))[0] : undefined;

  /** The end of the damaged frames that follow this number without a hole. */
  const pastDamage = async (number: number): Promise<number> => {
    for (let last = number; ; ) {
      const frame = await frameAt(last + 1);
      if (frame?.content !== gapReasons.corrupt) return last;
      last = frame.last;
    }
  };

  return {
    get questions() {
      return search?.asked.map(({ last }) => last) ?? [];
    },
    async weigh({ through, frames = [], compared = [], hubBoot }) {
      const { minRetained, next } = stream.state();
      const isHeld = (own: Fingerprint) => frames.some((theirs) => isSame(theirs, own));
      const own = through < minRetained ? undefined : await frameAt(through);
      if (through < minRetained || (own?.last === through && isHeld(own))) {
        search = undefined;
        return 'agreed';
      }

      const of = `${hubBoot} ${through}`;
      if (search?.of !== of) search = { of, from: minRetained - 1, to: Math.min(through, next), asked: [] };
      // One that comes late may answer an earlier greeting.
      const answered = search.asked.filter(({ last }) => compared.includes(last));
      const from = answered.findLast(isHeld)?.last ?? search.from;
      const to = answered.find(({ last }) => last > from)?.last ?? search.to;
      const asked = (await stream.fingerprints(spread(from + 1, to - 1))).filter(({ last }) => last < to);
      search = { of, from, to, asked };
      if (asked.length > 0) return 'open';
      search = undefined;
      return (await pastDamage(from)) >= through ? 'agreed' : { partedAfter: from };
    },
  };
}

/** The first of these numbers, and as many more as may be asked about, evenly. */
function spread(first: number, last: number): number[] {
  const count = Math.min(maxCompared, Math.max(0, last - first + 1));
  return Array.from({ length: count }, (_, i) => first + Math.floor((i * (last - first + 1)) / count));
}

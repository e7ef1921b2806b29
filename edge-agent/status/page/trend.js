/** How backlog and buffer moved while the page was open: pure, fed with one report after another. */

const windowUs = 60_000_000;
/** Less is the to and fro of single frames. */
const leastUs = 8_000_000;

export function createTrend() {
  let points = [];
  return {
    add({ now, link, buffer, startedAt }) {
      const point = { now, startedAt, backlog: link.backlog, bytes: buffer.pendingBytes };
      const last = points.at(-1);
      if (last && (last.startedAt !== startedAt || last.now > now)) points = [];
      points = [...points.filter((each) => now - each.now <= windowUs), point];
    },
    /** Samples and bytes per second; undefined until enough has been seen. */
    get perS() {
      const [first] = points;
      const last = points.at(-1);
      if (!first || last.now - first.now < leastUs) return undefined;
      const seconds = (last.now - first.now) / 1e6;
      return { samples: (last.backlog - first.backlog) / seconds, bytes: (last.bytes - first.bytes) / seconds };
    },
  };
}

/** Which tags the reader wants to see, and in which order: pure. */

/** `cut`: the last value before the device was lost, of which nobody knows whether it still holds. */
export const severityOf = ({ latest, source }, cut) => {
  if (latest === undefined) return 'silent';
  if (cut.has(source)) return 'cut';
  const severity = latest.quality >>> 30;
  return severity === 0 ? 'good' : severity === 1 ? 'uncertain' : 'bad';
};

const worst = ['bad', 'cut', 'uncertain', 'silent', 'good'];
const natural = new Intl.Collator('en', { numeric: true });

const orders = {
  path: (a, b) => natural.compare(a.path, b.path),
  value: (a, b) => compareValues(a.latest?.value, b.latest?.value),
  quality: (a, b, cut) => worst.indexOf(severityOf(a, cut)) - worst.indexOf(severityOf(b, cut)),
  age: (a, b) => (b.latest?.time ?? 0) - (a.latest?.time ?? 0),
  commissioned: (a, b) => (a.commissioned?.at ?? 0) - (b.commissioned?.at ?? 0),
};

/** Numbers by size, before texts, before what has no value. Integers beyond 2^53 come as text of digits. */
function compareValues(a, b) {
  const number = (value) => (value === null || value === undefined || value === '' ? Number.NaN : Number(value));
  const [x, y] = [number(a), number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  if (!Number.isNaN(x)) return -1;
  if (!Number.isNaN(y)) return 1;
  return natural.compare(a ?? '\uffff', b ?? '\uffff');
}

const filters = {
  all: () => true,
  good: (tag, cut) => severityOf(tag, cut) === 'good',
  uncertain: (tag, cut) => severityOf(tag, cut) === 'uncertain',
  bad: (tag, cut) => severityOf(tag, cut) === 'bad',
  cut: (tag, cut) => severityOf(tag, cut) === 'cut',
  silent: (tag, cut) => severityOf(tag, cut) === 'silent',
  open: (tag) => tag.commissioned === undefined,
};

/** Persian and Arabic letters and digits that look alike are alike, as are capitals. */
const folded = (text) =>
  text
    .toLowerCase()
    .replaceAll(/[۰-۹]/g, (digit) => String(digit.charCodeAt(0) - 0x06f0))
    .replaceAll('ي', 'ی')
    .replaceAll('ك', 'ک');

/** `cut` are the devices that are not connected. @returns the chosen tags, and how many of what search and device leave fit each filter. */
export function selectTags(tags, cut, { search, source, filter, order, descending }) {
  const wanted = folded(search).split(/\s+/).filter(Boolean);
  const found = tags.filter((tag) => {
    if (source !== '' && tag.source !== source) return false;
    if (wanted.length === 0) return true;
    const value = typeof tag.latest?.value === 'object' ? '' : (tag.latest?.value ?? '');
    const text = folded(`${tag.path} ${tag.address} ${value} ${tag.latest?.qualityName ?? ''}`);
    return wanted.every((word) => text.includes(word));
  });
  const counts = Object.fromEntries(
    Object.entries(filters).map(([name, fits]) => [name, found.filter((tag) => fits(tag, cut)).length]),
  );
  const chosen = found.filter((tag) => filters[filter](tag, cut));
  const sign = descending ? -1 : 1;
  chosen.sort((a, b) => sign * orders[order](a, b, cut) || orders.path(a, b));
  return { chosen, counts };
}

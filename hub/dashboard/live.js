/**
 * The connection to the hub: catalogue by plain requests, changes by server-sent events over a streaming fetch, because
 * an EventSource cannot send the token in a header. It comes back by itself after every loss.
 */

const api = '/api/v1';
/** The hub says something every second; so long a silence means that the connection is dead. */
const silenceMs = 10_000;
const firstPauseMs = 1000;
const longestPauseMs = 15_000;

export class Refused extends Error {}

export async function getJson(path, token, signal) {
  const response = await fetch(api + path, { headers: { authorization: `Bearer ${token}` }, signal });
  if (response.status === 401) throw new Refused('the token is not valid');
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail ?? problem.title ?? `HTTP ${response.status}`);
  }
  return response.json();
}

/** What exists: assets, tags and KPI definitions. */
export async function loadCatalogue(token, signal) {
  const [assets, definitions, tags] = await Promise.all([
    getJson('/assets', token, signal),
    getJson('/kpi-definitions', token, signal),
    loadTags(token, signal),
  ]);
  return { assets: assets.data, definitions: definitions.data, tags };
}

async function loadTags(token, signal) {
  const tags = [];
  for (let after = ''; after !== null; ) {
    const page = await getJson(`/tags?limit=10000${after && `&after=${encodeURIComponent(after)}`}`, token, signal);
    tags.push(...page.data);
    after = page.next_after;
  }
  return tags;
}

/**
 * Follows the hub until the signal aborts.
 * @param on `event(name, data)` for each event, `lost()` when the connection broke, `refused()` when the token is not accepted: then it ends.
 */
export async function follow(token, on, signal) {
  let pause = firstPauseMs;
  while (!signal.aborted) {
    try {
      await readEvents(
        token,
        (name, data) => {
          pause = firstPauseMs;
          on.event(name, data);
        },
        signal,
      );
    } catch (error) {
      if (error instanceof Refused) return on.refused();
    }
    if (signal.aborted) return;
    on.lost();
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
    pause = Math.min(longestPauseMs, pause * 2);
  }
}

async function readEvents(token, event, signal) {
  const silence = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  try {
    heard();
    const response = await fetch(`${api}/live`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (response.status === 401) throw new Refused('the token is not valid');
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    let rest = '';
    for await (const text of chunks(response.body)) {
      heard();
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        const [, name] = /^event: (.*)$/m.exec(block) ?? [];
        const [, data] = /^data: (.*)$/m.exec(block) ?? [];
        if (name) event(name, JSON.parse(data));
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

async function* chunks(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/**
 * Asks the agent again and again: never two questions at once, none while nobody looks, and after an answer that was
 * hard to make a longer pause, so that the page is no burden to a small gateway.
 */

const pauseMs = 1000;
const tagPauseMs = 2000;
const timeoutMs = 5000;
/** At most a twentieth of the time goes into answering. */
const restPerWork = 20;

/** `taken({ report })`, `taken({ tags })`; `failed()` whenever the agent does not answer. */
export function startPolling({ taken, failed }) {
  void ask('api/status', pauseMs, (report) => taken({ report }));
  void ask('api/tags', tagPauseMs, ({ tags }) => taken({ tags }));

  async function ask(path, pause, take) {
    for (;;) {
      await visible();
      const began = performance.now();
      const answer = await read(path).catch(() => undefined);
      if (answer) take(answer);
      else failed();
      await delay(Math.max(pause, restPerWork * (performance.now() - began) - pause));
    }
  }
}

async function read(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(timeoutMs), cache: 'no-store' });
  return response.ok ? await response.json() : undefined;
}

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 10_000)));

const visible = () =>
  new Promise((resolve) => {
    if (!document.hidden) return resolve();
    document.addEventListener('visibilitychange', resolve, { once: true });
  });

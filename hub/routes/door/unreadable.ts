/**
 * What comes over a connection and is no HTTP request that Node.js reads, answered as a problem like any other. The usual
 * cause is a person with a shell: Persian letters or digits in an address that nobody has percent-encoded.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { ProblemError, problemText } from './problem.ts';

const lingerMs = 1000;

export function answerUnreadable(error: Error & { readonly code?: string | undefined }, socket: Socket): void {
  // Who has gone is told nothing, and what comes after the answer is not read.
  if (error.code === 'ECONNRESET' || !socket.writable) return;
  socket.end(answerTo(error.code));
  // Closed at once, while more is on its way, the answer would be lost with it.
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

function answerTo(code: string | undefined): string {
  const problem = problemOf(code);
  const body = problemText(problem, 'en');
  const head = [
    `HTTP/1.1 ${problem.statusCode} ${STATUS_CODES[problem.statusCode]}`,
    'Content-Type: application/problem+json; charset=utf-8',
    'Content-Language: en',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

function problemOf(code: string | undefined): ProblemError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProblemError('late', { en: 'send it at once', fa: 'آن را یک‌جا بفرستید' });
    case 'HPE_HEADER_OVERFLOW':
      return new ProblemError('too-long', {
        en: 'name fewer things, or those that lie below one path',
        fa: 'موارد کمتری نام ببرید یا آنچه زیر یک مسیر است بخواهید',
      });
    default:
      return new ProblemError('unreadable', {
        en: 'letters and digits that are not ASCII stand percent-encoded in an address (curl: -G --data-urlencode "from=۱۴۰۴-۰۴-۱۶")',
        fa: 'حروف و ارقام غیر ASCII در نشانی باید کدگذاری شوند (curl: -G --data-urlencode "from=۱۴۰۴-۰۴-۱۶")',
      });
  }
}

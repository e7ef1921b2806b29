export interface Format {
  readonly lang: 'en' | 'fa';
  count(value: number): string;
  percent(value: number): string;
  /** Of seconds, in its two greatest units. */
  span(seconds: number): string;
  bytes(value: number): string;
  /** Of µs. */
  date(timeUs: number): string;
  /** Of µs: the time alone where it is of today. */
  since(timeUs: number, nowUs: number): string;
  /** Of seconds. */
  age(seconds: number): string;
}

export function createFormat(lang: 'en' | 'fa'): Format;

/** What a sample's quality and flags say, in words. */
import { flag, isBad, isGood } from '../../protocols/sample.ts';

export type Severity = 'good' | 'uncertain' | 'bad';
export const severityOf = (quality: number): Severity =>
  isGood(quality) ? 'good' : isBad(quality) ? 'bad' : 'uncertain';

/** By the flag byte: the same few lists serve all samples. */
const names = Array.from({ length: 256 }, (_, bits) =>
  Object.entries(flag)
    .filter(([, bit]) => bits & bit)
    .map(([name]) => name),
);
export const flagNames = (flags: number): readonly string[] => names[flags & 0xff]!;

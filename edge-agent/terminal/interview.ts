/**
 * Questions to a technician. An answer that was given as an option is not asked for; without a terminal nothing is, and
 * what has neither option nor default is refused, naming the option. The prompts' library is loaded when one is shown.
 */
import type { Terminal } from './terminal.ts';

/** What is wrong with an answer, with what to do; `away` where it may be right, and the other side does not answer. */
export type Mistake = string | { readonly away: string };

/** undefined when the answer is good. */
export type Check = (answer: string) => Mistake | undefined | Promise<Mistake | undefined>;

interface Question<T> {
  readonly message: string;
  /** The option that answers it: `--site <path>`. */
  readonly option: string;
  readonly given?: T | undefined;
  /** Taken where nobody can be asked; proposed where somebody can. */
  readonly otherwise?: T | undefined;
}

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly hint?: string | undefined;
}

export interface Interview {
  readonly asks: boolean;
  text(question: Question<string> & { readonly check?: Check; readonly secret?: boolean }): Promise<string>;
  /** `proposed` is where the cursor stands: what is dangerous is not agreed to by Enter alone. */
  confirm(question: Question<boolean> & { readonly proposed?: boolean }): Promise<boolean>;
  choose<T extends string>(question: Question<T> & { readonly choices: readonly Choice<T>[] }): Promise<T>;
  /** Only where somebody can be asked. */
  pick<T extends string>(message: string, choices: readonly Choice<T>[]): Promise<T[]>;
  /** A fact between the questions. */
  tell(line: string): void;
}

export interface InterviewOptions {
  readonly terminal: Terminal;
  /** Whether a person may be asked. */
  readonly asks: boolean;
  /** What a missing or refused answer ends with. */
  readonly refuse: (message: string, hint: string, away: boolean) => Error;
  /** What Ctrl-C in a question ends with. */
  readonly interrupted: () => Error;
  readonly signal: AbortSignal;
}

/** A Persian keyboard types ۱۹۲.۱۶۸ and ۱۰: addresses, numbers and names are in 0 to 9. */
const inLatinDigits = (text: string): string =>
  text.replaceAll(/[۰-۹٠-٩]/g, (digit) => String(digit.charCodeAt(0) & 0xf));

/** A person who errs so often in one question is a program. */
const maxAttempts = 50;

export function createInterview({ terminal, asks, refuse, interrupted, signal }: InterviewOptions): Interview {
  const settle = <T>(answer: T): Exclude<T, symbol> => {
    if (typeof answer === 'symbol') throw interrupted();
    return answer as Exclude<T, symbol>;
  };
  const unasked = <T>({ message, option, otherwise }: Question<T>): T => {
    if (otherwise !== undefined) return otherwise;
    throw refuse(`no answer to: ${message}`, `Give it with ${option}, or run this on a terminal to be asked.`, false);
  };
  const clack = () => import('@clack/prompts');

  return {
    asks,
    async text(question) {
      const { message, given, check = () => undefined, secret } = question;
      let answer: string | undefined = given ?? (asks ? undefined : unasked(question));
      let proposed = question.otherwise;
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        if (answer === undefined) {
          const { text, password } = await clack();
          const required = (value: string | undefined) => (value?.trim() ? undefined : 'Nothing was typed.');
          answer = settle(
            secret
              ? await password({ message, validate: required, signal })
              : await text({ message, initialValue: proposed, validate: required, signal }),
          ).trim();
          if (!secret) answer = inLatinDigits(answer);
        }
        const mistake = await check(answer);
        if (mistake === undefined) return answer;
        const away = typeof mistake !== 'string';
        const said = away ? mistake.away : mistake;
        if (!asks) throw refuse(said, `Give another answer with ${question.option}.`, away);
        const { log } = await clack();
        log.error(said);
        proposed = secret ? undefined : answer;
        answer = undefined;
      }
      throw refuse(`no answer to: ${message}`, `Give it with ${question.option}.`, false);
    },
    async confirm(question) {
      if (question.given !== undefined) return question.given;
      if (!asks) return unasked(question);
      const { confirm } = await clack();
      const { message, otherwise, proposed = otherwise ?? true } = question;
      return settle(await confirm({ message, initialValue: proposed, signal }));
    },
    async choose(question) {
      if (question.given !== undefined) return question.given;
      if (!asks) return unasked(question);
      const { select } = await clack();
      const options = question.choices.map(({ value, label, hint = '' }) => ({ value: value as string, label, hint }));
      const { message, otherwise } = question;
      const answer = settle(await select<string>({ message, options, initialValue: otherwise as string, signal }));
      return answer as (typeof question.choices)[number]['value'];
    },
    async pick(message, choices) {
      const { autocompleteMultiselect } = await clack();
      const options = choices.map(({ value, label, hint = '' }) => ({ value: value as string, label, hint }));
      const answer = await autocompleteMultiselect<string>({ message, options, required: true, maxItems: 15, signal });
      return settle(answer) as (typeof choices)[number]['value'][];
    },
    tell: (line) => terminal.note(line),
  };
}

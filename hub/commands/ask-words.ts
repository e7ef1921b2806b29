/** What a command says where the hub refuses or is away, in both languages; why it refuses is the hub's own sentence. */
import type { Language } from '../words.ts';

interface AskWords {
  readonly noToken: { readonly message: string; readonly hint: string };
  readonly away: { readonly message: string; readonly hint: string };
  readonly broken: { readonly message: string; readonly hint: string };
  refuses(why: string | number): string;
  /** By status; anything else is of the hub. */
  readonly hints: Readonly<Record<number, string>>;
  readonly otherHint: string;
}

const [change, changeFa] = [
  'Change what is asked for: it says what is wrong.',
  'درخواست را تغییر دهید: خطا گفته شده است.',
];

const en: AskWords = {
  noToken: { message: 'no token', hint: 'Give --token, or set PAYESH_TOKEN.' },
  away: { message: 'the hub does not answer', hint: 'Is it running? Give its address with --url.' },
  broken: { message: 'the file could not be fetched whole', hint: 'Ask for it again.' },
  refuses: (why) => `the hub refuses: ${why}`,
  hints: {
    400: change,
    401: 'Make a token with "payesh-hub token create".',
    403: 'Use a token whose role may do this: "payesh-hub token create".',
    404: 'Is it written as the hub lists it, and may the token see it?',
    409: change,
    422: change,
  },
  otherHint: "Look at the hub's log.",
};

const fa: AskWords = {
  noToken: { message: 'توکن نیامده است', hint: 'با --token بدهید یا PAYESH_TOKEN را مقدار دهید.' },
  away: { message: 'هاب پاسخ نمی‌دهد', hint: 'آیا در حال اجراست؟ نشانی آن را با --url بدهید.' },
  broken: { message: 'پرونده کامل دریافت نشد', hint: 'دوباره بخواهید.' },
  refuses: (why) => `هاب نمی‌پذیرد: ${why}`,
  hints: {
    400: changeFa,
    401: 'با «payesh-hub token create» توکن بسازید.',
    403: 'توکنی با نقشی که اجازهٔ این کار را دارد به کار برید: «payesh-hub token create».',
    404: 'آیا همان‌گونه نوشته شده که هاب فهرست می‌کند، و توکن اجازهٔ دیدنش را دارد؟',
    409: changeFa,
    422: changeFa,
  },
  otherHint: 'گزارش هاب را ببینید.',
};

export const askWords: Readonly<Record<Language, AskWords>> = { en, fa };

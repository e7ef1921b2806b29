/** What a device or server calls its things may hold anything; printed, none of it may move the cursor or hide a line. */

/** Control characters become blanks, but for the codes of our own colours. */
export const plain = (text: string): string =>
  text.replaceAll(/\p{Cc}(?:\[[\d;]*m)?/gu, (found) => (found.startsWith('\u001b[') ? found : ' '));

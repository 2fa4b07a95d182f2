/** What a forger has to know of a question, judged without any code of the client. */

/** Where the question section of a message ends; its length where the section does not end in it. */
export function questionEnd(message: Buffer): number {
  let at = 12;
  while (at < message.length && message[at] !== 0) at += message[at]! + 1;
  return Math.min(at + 5, message.length);
}

/** Whether a message carries all of it: the id, QR, one question, and that byte for byte. */
export function knowsAll(message: Buffer, question: Buffer): boolean {
  const end = questionEnd(question);
  if (message.length < end) return false;
  if (message[0] !== question[0] || message[1] !== question[1]) return false;
  if (message[2]! < 0x80 || message[4] !== 0 || message[5] !== 1) return false;
  for (let at = 12; at < end; at++) if (message[at] !== question[at]) return false;
  return true;
}

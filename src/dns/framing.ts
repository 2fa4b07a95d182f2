/** A chunk held is an object and its memory, however few bytes there are in it. */
const mostParts = 256;

/** Undoes TCP's framing (RFC 1035, 4.2.2): a two-byte length in front of each message, cut anywhere by the network. */
export function splitMessages(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  return (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    // A 64 KiB message comes in many chunks: joined once when it is whole, not once per chunk; but not kept in ten thousand crumbs.
    if (parts.length > mostParts) parts = [Buffer.concat(parts)];
    for (;;) {
      if (held < 2) return;
      if (parts[0]!.length < 2) parts = [Buffer.concat(parts)];
      const end = 2 + parts[0]!.readUInt16BE(0);
      if (held < end) return;
      const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      parts = whole.length > end ? [whole.subarray(end)] : [];
      held -= end;
      onMessage(whole.subarray(2, end));
    }
  };
}

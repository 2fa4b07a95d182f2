const weekday = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/**
 * How long a response asks to be left alone, in ms from `now` (ms since the epoch): RFC 9110, section 10.2.3, as seconds or as a date.
 * `undefined` where it does not say, or says nothing that can be read. O(1).
 */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  // Date.parse takes much else for a date, such as "1" or "soon 5".
  if (!weekday.test(text)) return undefined;
  // The oldest of the three forms says no zone and means this one.
  const at = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

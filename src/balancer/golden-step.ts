/**
 * 2³² times the golden ratio's fraction, but for the last digits: odd, so that all 2³² points come before one comes again, and
 * chosen so that no partial quotient of `step / 2³²` exceeds 3. That keeps the sequence even for all of them: with 0x9e3779b9, the
 * nearest integer, one is 25, and after some millions of picks the shares are off by twice as much.
 */
export const goldenStep = 0x9e3778c1 | 0;

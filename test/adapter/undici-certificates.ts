import { readFileSync } from 'node:fs';

/** Of test/fixtures/tls. */
const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');

export const authority = pem('ca');

/** `web`: for web.service.consul; `other`: for other.service.consul; `stranger`: for the former, by nobody known. */
export function certificate(name: 'web' | 'other' | 'stranger'): { cert: string; key: string } {
  return { cert: pem(name), key: pem(`${name}-key`) };
}

import type { DnsError } from '../errors.ts';

/** A list that can only be gathered from small replies. */
export function metadataTooLong(question: string): string {
  return `${question}: Consul does not answer for SRV over TCP, nor over UDP with a large size, but does with a small one. A metadata value of a node (key=value over 255 bytes) keeps it from sending whole replies; its log says "string exceeded 255 bytes in txt". Shorten that value. Until then the list is gathered from trimmed replies.`;
}

/** Not even small replies come. */
export function silentOnSrv(cause: DnsError): string {
  return `${cause.message} But addresses (A) are answered: a metadata value of a node (key=value over 255 bytes) keeps Consul from answering for SRV; its log says "string exceeded 255 bytes in txt". Shorten that value, or give the instances' \`port\`: then the addresses are taken.`;
}

/** The same, where the port is known. */
export function addressesInstead(question: string, port: number): string {
  return `${question}: Consul does not answer for SRV, but does for addresses: a metadata value of a node (key=value over 255 bytes) keeps it from that; its log says "string exceeded 255 bytes in txt". Shorten that value. Until then the addresses are taken, each with the given port ${port}, without weights.`;
}

/** Consul answers NXDOMAIN for a named port that some instances lack. */
export function portMissing(question: string, port: string, seen: number): string {
  return `${question}: Consul answers NXDOMAIN although ${seen} instance(s) have the port ${JSON.stringify(port)}: at least one instance of the service lacks it, and Consul then stops at it. What was seen is used; give all instances that port.`;
}

/** Consul 1.19.0 and 1.19.1: several instances under one target. */
export function ambiguousTargets(question: string, target: string): string {
  return `${question}: several instances have the one target ${target}, so that it does not say which port belongs to which address. Consul 1.19.0 and 1.19.1 answer so (and ignore tags in names): upgrade to 1.19.2 or later, or set experiments = ["v1dns"] there. Whole replies are told apart by the order of their records; trimmed ones are not used.`;
}

/** Sidecars speak mutual TLS with the mesh's certificates. */
export function expectsMtls(service: string): string {
  return `${service}: these are proxies of the service mesh: they expect mutual TLS with a certificate of the mesh, and a plain connection will be refused. Ask for the service itself where you mean that.`;
}

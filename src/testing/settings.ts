/** How this Consul is configured; the names are those of its dns_config. */
export interface Settings {
  version: '1.8.7' | '1.22.7';
  datacenter: string;
  domain: string;
  /** ms */
  serviceTtl: number;
  enableTruncate: boolean;
  udpAnswerLimit: number;
  /** 0: no limit */
  aRecordLimit: number;
  metaTxt: boolean;
}

import { describe, expect, it } from 'vitest';
import { Warnings } from '../../src/diagnostics.ts';
import { createDiscovery, type DiscoveryWarning } from '../../src/index.ts';
import { Said } from '../../src/resolver/said.ts';
import { createConsulDouble } from '../../src/testing/consul-double.ts';
import { endpointsOf, listed, nodata, scriptedDns, srv, upTo } from './scripted-dns.ts';

function operator() {
  const said: string[] = [];
  const warnings = new Warnings(({ code, service }) => void said.push(`${code} ${service}`));
  return {
    said,
    lookup: () =>
      new Said(
        {
          warn: (warning) => warnings.once(warning),
          over: (code, service) => warnings.over(code, service),
        },
        'web.service.consul',
      ),
  };
}

describe('what is wrong with the answers for a service', () => {
  it('is said once while it lasts, and again when it was over in between', () => {
    const { said, lookup } = operator();
    for (let round = 0; round < 3; round++) {
      const bad = lookup();
      bad.notice('PORT_MISSING', 'some lack it');
      bad.endOthers([]);
    }
    expect(said).toEqual(['PORT_MISSING web.service.consul']);
    lookup().endOthers([]);
    lookup().notice('PORT_MISSING', 'some lack it');
    expect(said).toHaveLength(2);
  });

  it('is not over where it is only worked around', () => {
    const { said, lookup } = operator();
    lookup().notice('METADATA_TOO_LONG', 'silence');
    lookup().endOthers(['METADATA_TOO_LONG']);
    lookup().notice('METADATA_TOO_LONG', 'silence');
    expect(said).toHaveLength(1);
  });

  it('stands under the canonical name, so that closing the service ends it', async () => {
    const double = await createConsulDouble();
    double.register({ name: 'web', sidecarFor: 'web', address: '10.0.0.1', port: 21_000 } as never);
    const warnings: DiscoveryWarning[] = [];
    const discovery = createDiscovery({
      servers: [double.dnsAddress],
      onWarning: (warning) => void warnings.push(warning),
    });
    for (let round = 1; round <= 2; round++) {
      const mesh = discovery.service({ connect: 'WEB' });
      await mesh.ready().catch(() => {});
      await mesh.refresh().catch(() => {});
      mesh.close();
      expect(warnings.map(({ code, service }) => [code, service])).toEqual(
        Array(round).fill(['CONNECT_EXPECTS_MTLS', 'web.connect.consul']),
      );
    }
    await discovery.close();
    await double.close();
  });
});

describe("the system's resolver", () => {
  it('may hang at one host without holding up the others for longer than 5 s', async () => {
    const dns = scriptedDns(
      ({ type }) => {
        if (type !== 'SRV') return nodata;
        const { answers = [], additionals = [] } = listed(upTo(2));
        return { answers: [...answers, srv('hangs.example', 80)], additionals };
      },
      { lookup: () => new Promise(() => {}) },
    );
    const started = dns.clock.now();
    const found = await dns.resolve();
    expect(endpointsOf(found)).toHaveLength(2);
    expect(found.unresolved?.targets).toEqual(['hangs.example']);
    expect(dns.clock.now() - started).toBeLessThanOrEqual(5_100);
  });
});

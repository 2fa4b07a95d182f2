import { describe, expect, it } from 'vitest';
import { filterOf } from '../../src/testing/http/filter.ts';
import { CATALOG_SERVICE, HEALTH_SERVICE } from '../../src/testing/http/filter-schema.ts';
import { Question } from '../../src/testing/http/request.ts';

const question = (filter: string) =>
  new Question({
    method: 'GET',
    path: '/',
    query: new URLSearchParams({ filter }),
    headers: {},
    body: Buffer.alloc(0),
    signal: new AbortController().signal,
  });

const web = {
  ServiceName: 'web',
  ServiceID: 'web-1',
  ServiceTags: ['v1', 'blue'],
  ServiceMeta: { zone: 'a', 'with-dash': 'x y' },
  ServicePort: 80,
  ServiceEnableTagOverride: false,
};
const passes = (filter: string) => filterOf(question(filter), CATALOG_SERVICE)(web);

describe('a filter', () => {
  it.each([
    'ServiceName == web',
    'ServiceName == "web"',
    'ServiceName == `web`',
    'ServiceName != api',
    'ServicePort == 80',
    'ServiceEnableTagOverride == false',
    'v1 in ServiceTags',
    '"v2" not in ServiceTags',
    'ServiceTags contains blue',
    'ServiceTags not contains red',
    'ServiceTags is not empty',
    'ServiceMeta.zone == a',
    'ServiceMeta["with-dash"] == "x y"',
    'zone in ServiceMeta',
    'ServiceMeta.none != a',
    'ServiceMeta.none is empty',
    'ServiceName matches "^w.b$"',
    'ServiceName not matches `^x`',
    'ServiceName == api or ServiceName == web and v1 in ServiceTags',
    'not ServiceName == api',
    'not (ServiceName == web and ServicePort == 81)',
    '  ( ( ServiceName==web ) )  ',
  ])('%s', (filter) => {
    expect(passes(filter)).toBe(true);
    expect(passes(`not (${filter})`)).toBe(false);
  });

  it('and binds closer than or, not closer than both', () => {
    expect(passes('ServiceName == web or ServiceName == web and ServicePort == 1')).toBe(true);
    expect(passes('not ServiceName == web or ServicePort == 80')).toBe(true);
    expect(passes('not ServiceName == web and ServicePort == 80')).toBe(false);
  });

  it('through a list passes when one of its elements does', () => {
    const of = { Checks: [{ Status: 'passing' }, { Status: 'warning' }], Service: {}, Node: {} };
    const health = (filter: string) => filterOf(question(filter), HEALTH_SERVICE)(of);
    expect(health('Checks.Status == warning')).toBe(true);
    expect(health('Checks.Status != warning')).toBe(true);
    expect(health('Checks.Status == critical')).toBe(false);
    expect(health('Service.Port == 0')).toBe(true);
  });

  it.each([
    ['Bogus == 1', 'Selector "Bogus" is not valid'],
    ['ServiceMeta.a.b == 1', 'Selector "ServiceMeta.a.b" is not valid'],
    ['ServiceTags == x', 'Invalid match operator "Equal" for selector "ServiceTags"'],
    ['ServicePort == x', 'Failed to convert value "x" to an integer'],
    ['ServiceName matches "("', 'Failed to compile regular expression'],
    ['ServiceName ==', 'the filter ends where a value is expected'],
    ['(ServiceName == web', 'the filter ends where ) is expected'],
    ['ServiceName == web web', 'expected "and", "or" or the end, found "web"'],
    ['ServiceName', 'the filter ends where an operator is expected'],
    ['§', 'no match found'],
    ['('.repeat(10_000), 'nested too deeply'],
  ])('%s is refused', (filter, said) => {
    expect(() => passes(filter)).toThrow(
      expect.objectContaining({
        status: 500,
        message: expect.stringMatching(/^Failed to create boolean expression evaluator: /),
      }),
    );
    expect(() => passes(filter)).toThrow(said);
  });

  it('says what Consul could do and the double does not', () => {
    expect(() => passes('ServiceProxy.Mode == x')).toThrow('the double does not filter by ServiceProxy');
  });
});

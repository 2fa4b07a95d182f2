import { expect, it } from 'vitest';
import { speaksWell } from '../../src/adapter/response-outcome.ts';

it('takes a server error for a failure of the instance, but for those that are about the request', () => {
  const failures = Array.from({ length: 500 }, (_, i) => 100 + i).filter((status) => !speaksWell(status));
  const serverErrors = Array.from({ length: 100 }, (_, i) => 500 + i);
  expect(failures).toEqual(serverErrors.filter((status) => status !== 501 && status !== 505));
});

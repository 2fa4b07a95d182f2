import { isIP } from 'node:net';
import { refuse } from '../checks.ts';
import { InvalidOptionError } from '../errors.ts';

/** Where requests go. */
export interface ConsulTarget {
  readonly secure: boolean;
  /** Without brackets; of a socket in the file system the host that the `Host` header names. */
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string;
  /** Put before every path, for a proxy in between: `''` or `'/consul'`. */
  readonly pathPrefix: string;
}

/** What was said of where Consul is. */
export interface TargetOptions {
  readonly address?: string;
  readonly host?: string;
  readonly httpPort?: number;
  readonly secure?: boolean;
}

/** What the environment says. */
export interface TargetEnvironment {
  readonly address: string | undefined;
  readonly secure: boolean;
}

/**
 * Options come before the environment. Addresses are read as Consul's command line reads CONSUL_HTTP_ADDR and CONSUL_HTTP_SSL: without a
 * port it is that of the scheme, 80 or 443.
 *
 * @throws InvalidOptionError
 */
export function targetOf(options: TargetOptions, env: TargetEnvironment): ConsulTarget {
  const { address, host, httpPort, secure } = options;
  if (host !== undefined || httpPort !== undefined) {
    if (address !== undefined) {
      throw new InvalidOptionError(
        'createConsul: `address` and `host` with `httpPort` both say where Consul is; give one of them.',
      );
    }
    const isSecure = secure ?? env.secure;
    return {
      secure: isSecure,
      host: host === undefined ? '127.0.0.1' : hostOf(host),
      port: httpPort ?? (isSecure ? 8501 : 8500),
      pathPrefix: '',
    };
  }
  if (address !== undefined) {
    const target = parsed(address, 'createConsul.address', secure ?? env.secure);
    if (secure !== undefined && secure !== target.secure) {
      throw new InvalidOptionError(
        'createConsul: the scheme of `address` and `secure` contradict each other; give one of them.',
      );
    }
    return target;
  }
  if (env.address === undefined) {
    const port = secure === true ? 8501 : 8500;
    return { secure: secure ?? env.secure, host: '127.0.0.1', port, pathPrefix: '' };
  }
  const target = parsed(env.address, 'CONSUL_HTTP_ADDR', secure ?? env.secure);
  // Whoever asked for TLS does not get less because an address says http://.
  return { ...target, secure: target.secure || (secure ?? env.secure) };
}

function parsed(text: string, path: string, secure: boolean): ConsulTarget {
  const [, scheme, rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/is.exec(text) ?? [];
  if (scheme === 'unix' && rest !== '')
    return { secure, host: 'localhost', port: secure ? 443 : 80, socketPath: rest, pathPrefix: '' };
  const isSecure = scheme === undefined ? secure : scheme.toLowerCase() === 'https';
  const written = `${isSecure ? 'https' : 'http'}://${rest}`;
  const url = /^(https?)?$/i.test(scheme ?? '') && URL.canParse(written) ? new URL(written) : undefined;
  // It may hold a password.
  if (rest.includes('@'))
    throw new InvalidOptionError(`${path}: expected an address without user and password; see \`auth\`.`);
  if (url === undefined || url.hostname === '' || url.search !== '' || url.hash !== '') {
    return refuse(
      path,
      "an address like '127.0.0.1:8500', 'https://consul.example:8501' or 'unix:///run/consul.sock'",
      text,
    );
  }
  return {
    secure: isSecure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    pathPrefix: url.pathname.replace(/\/+$/, ''),
  };
}

function hostOf(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, '$1');
  return isIP(host) !== 0 || /^[\w.-]+$/.test(host)
    ? host
    : refuse('createConsul.host', 'a host name or an IP address, the port apart', text);
}

import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { InvalidOptionError } from '../errors.ts';

export interface ConsulTlsOptions {
  /** Certificates of authorities to trust, PEM. Default: those of Node. */
  readonly ca?: string | readonly string[];
  /** The same from a file, or from all files below a directory. Default CONSUL_CACERT, else CONSUL_CAPATH. */
  readonly caFile?: string;
  readonly caPath?: string;
  /** Client certificate and key, PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** The same from files. Default CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The name to ask for and to check. Default CONSUL_TLS_SERVER_NAME, else the host. */
  readonly serverName?: string;
  /** Default `true`; CONSUL_HTTP_SSL_VERIFY=false says otherwise. */
  readonly verify?: boolean;
}

/** Complete, with the contents of the files. */
export interface TlsSettings {
  readonly ca: readonly string[] | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
  readonly verify: boolean;
}

/** Files are read now and not again. @throws InvalidOptionError where one cannot be read, or they do not fit each other. */
export function completeTls(
  given: ConsulTlsOptions,
  env: (name: string) => string | undefined,
  verifyByEnv: boolean | undefined,
): TlsSettings {
  const cert = given.cert ?? contents(given.certFile ?? env('CONSUL_CLIENT_CERT'));
  const key = given.key ?? contents(given.keyFile ?? env('CONSUL_CLIENT_KEY'));
  if ((cert === undefined) !== (key === undefined)) {
    throw new InvalidOptionError(
      'createConsul: a client certificate and its key are needed together (tls.cert and tls.key, tls.certFile and tls.keyFile, CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY).',
    );
  }
  const ca = authorities(given, env);
  try {
    ca?.forEach(checkCertificates);
    createSecureContext({ ca: ca === undefined ? undefined : [...ca], cert, key });
  } catch (cause) {
    throw new InvalidOptionError(`createConsul: TLS does not take these: ${(cause as Error).message}`, {
      cause,
    });
  }
  // As the command line does: a port may stand behind it.
  const named = env('CONSUL_TLS_SERVER_NAME')?.replace(/:\d+$/, '');
  return {
    ca,
    cert,
    key,
    serverName: given.serverName ?? named,
    verify: given.verify ?? verifyByEnv ?? true,
  };
}

/** TLS itself would take no notice of a broken one, and then trust nobody. */
function checkCertificates(text: string): void {
  const found = text.match(certificate);
  if (found === null) throw new Error('no certificate in what is to be trusted');
  for (const one of found) new X509Certificate(one);
}

const certificate = /-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----[^-]*-----END \1-----/g;

function authorities(
  { ca, caFile, caPath }: ConsulTlsOptions,
  env: (name: string) => string | undefined,
): readonly string[] | undefined {
  if (ca !== undefined) return typeof ca === 'string' ? [ca] : ca;
  const file = caFile ?? (caPath === undefined ? env('CONSUL_CACERT') : undefined);
  if (file !== undefined) return [contents(file)!];
  const directory = caPath ?? env('CONSUL_CAPATH');
  if (directory === undefined) return undefined;
  const found = filesBelow(directory).filter((text) => text.match(certificate) !== null);
  if (found.length > 0) return found;
  throw new InvalidOptionError(`createConsul: there is no certificate in ${directory}.`);
}

function filesBelow(directory: string): string[] {
  return reading(directory, () =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .map((entry) => join(entry.parentPath, entry.name))
      // Of whatever a link leads to.
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
      .map((path) => readFileSync(path, 'utf8')),
  );
}

function contents(file: string | undefined): string | undefined {
  return file === undefined ? undefined : reading(file, () => readFileSync(file, 'utf8'));
}

function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new InvalidOptionError(`createConsul: cannot read ${what}: ${(cause as Error).message}`, { cause });
  }
}

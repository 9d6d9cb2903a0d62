/** What a request shows to the API server, and by what it knows the server. PEM text. */
export interface Credentials {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  /** The value of the `authorization` header. */
  readonly authorization?: string;
}

/** Where an API server is, and who we are to it. */
export interface ApiAccess {
  /** `https://host:port`, perhaps with a path. */
  readonly server: string;
  /** The namespace that commands mean when they name none. */
  readonly namespace: string;
  /** Whether the server's certificate goes unchecked. */
  readonly insecure: boolean;
  readonly tlsServerName?: string;
  readonly proxyUrl?: string;
  /** Sent with each request: impersonation. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** The credentials as they are now; tokens and certificates rotate. */
  credentials(): Promise<Credentials>;
  /** The server refused the credentials: reads or makes them anew for the next request. */
  forget(): void;
}

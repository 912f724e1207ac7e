// What the provider puts into the page script of one client, for the type check.

declare namespace TokenSource {
  /** What the script of one client is made with. */
  interface Config {
    issuer: string;
    endpoint: string;
    authorization_endpoint: string;
    client_id: string;
    response_type: string;
    scope: string;
    js_method: string;
    js_context: string;
    /** By the origin of a page: the redirect address for its pop-up. */
    web_message: Record<string, string>;
  }
}

declare const __CONFIG__: TokenSource.Config;

// What the page script of the provider defines: the JS method of the connector,
// under the name that the connector was given, by default
// window.lpGetAuthenticationToken. For another name, declare it so:
//
//     interface Window { chatToken?: TokenSource.Method }

declare namespace TokenSource {
  /** An authorization code, as Conversational Cloud redeems it. */
  interface Code {
    ssoKey: string;
    redirect_uri: string;
  }

  /**
   * Why there is no token: an error of the provider, as login_required,
   * consent_required, interaction_required, access_denied, invalid_request,
   * unauthorized_client, temporarily_unavailable, server_error; network_error if it
   * was not reached; of pop-ups popup_blocked, popup_closed by the consumer, and
   * popup_not_allowed for pages of this origin.
   */
  type Reason = string;

  /**
   * Gets the ID token as a string, or a code as an object, as the client's flow
   * wants; or "" and the reason.
   */
  type Callback = (token: string | Code, reason?: Reason) => void;

  /** The JS method of the connector. */
  interface Method {
    /**
     * Calls back once. An ID token is asked for once for all callers of the page,
     * and anew when less than 60 seconds of it are left; each call gets a code of
     * its own, bound to the S256 code_challenge (RFC 7636) if there is one.
     */
    (callback: Callback, code_challenge?: string): void;
    /**
     * The same through a pop-up window, where a consumer can sign in, for pages of
     * another site than the provider. To be called right from a click, or the browser
     * blocks it. An ID token that it gets is the method's from then on.
     */
    popup(callback: Callback, code_challenge?: string): void;
  }

  /** Who is signed in, as Conversational Cloud's identity functions say it. */
  interface Identity {
    iss: string;
    acr: "loa1";
    sub: string;
  }

  /** Gets the identity, or null if nobody is signed in. */
  type IdentityCallback = (identity: Identity | null) => void;
}

interface Window {
  lpGetAuthenticationToken?: TokenSource.Method;
}

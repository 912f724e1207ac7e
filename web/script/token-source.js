// @ts-check
// Gives Conversational Cloud's window an ID token, or a code, of the consumer who
// is signed in at the provider. It defines the connector's JS method and the
// identity function; token-source.d.ts describes them. What it gets stays in this
// page's memory alone.
(function (/** @type {TokenSource.Config} */ config) {
  "use strict";

  const giveCodes = config.response_type === "code";
  const script = document.currentScript;
  const usePopUp = script instanceof HTMLElement && "popup" in script.dataset;

  /** @typedef {{ id_token?: string, expires_in?: number | string, code?: string, redirect_uri?: string, iss: string, sub: string }} Answer */

  /** @type {(Answer & { ends: number }) | undefined} */
  let held; // the last ID token, and when it ends
  /** @type {Promise<Answer> | undefined} */
  let asking; // one request for all callers of this page
  /** @type {Promise<Answer> | undefined} */
  let popUp; // one window for all of them
  /** @type {Answer | undefined} */
  let known; // whom a pop-up has found signed in

  /** @param {Answer} answer */
  function keep(answer) {
    if (answer.id_token) {
      held = { ...answer, ends: Date.now() + Number(answer.expires_in) * 1000 };
    }
    return answer;
  }

  /**
   * @param {string} [challenge]
   * @returns {Record<string, string>}
   */
  function bindTo(challenge) {
    return challenge ? { code_challenge: challenge, code_challenge_method: "S256" } : {};
  }

  /**
   * @param {Record<string, string>} members
   * @returns {Promise<Answer>}
   */
  async function ask(members) {
    let response, body;
    try {
      response = await fetch(config.endpoint, {
        method: "POST",
        mode: "cors",
        credentials: "include",
        cache: "no-store",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ client_id: config.client_id, ...members }),
      });
      body = await response.json();
    } catch (error) {
      throw new Error("network_error");
    }
    if (!response.ok) {
      throw new Error(body.error || "server_error");
    }
    return body;
  }

  // An ID token is shared between callers, a code never.
  function idToken() {
    if (held && held.ends - Date.now() > 60000) {
      return Promise.resolve(held);
    }
    asking =
      asking ||
      ask({ response_type: "id_token" })
        .then(keep)
        .finally(() => {
          asking = undefined;
        });
    return asking;
  }

  /**
   * Opens the provider in a window, where it knows who is signed in, and waits for
   * the message with its answer.
   * @param {string} [challenge]
   * @returns {Promise<Answer>}
   */
  function open(challenge) {
    return new Promise((resolve, reject) => {
      const address = config.web_message[location.origin];
      if (!address) {
        throw new Error("popup_not_allowed"); // not switched on for pages of this origin
      }
      const state = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
      const query = new URLSearchParams({
        client_id: config.client_id,
        response_type: config.response_type,
        response_mode: "web_message",
        redirect_uri: address,
        scope: config.scope,
        state,
        display: "popup",
        ...bindTo(challenge),
      });
      const opened = window.open(config.authorization_endpoint + "?" + query, "", "popup,width=480,height=720");
      if (!opened) {
        throw new Error("popup_blocked");
      }

      // Its message may still be on its way when it is closed.
      const watch = setInterval(() => opened.closed && setTimeout(end, 500), 500);
      /** @param {string | Answer} outcome */
      function end(outcome = "popup_closed") {
        clearInterval(watch);
        removeEventListener("message", receive);
        if (typeof outcome === "string") {
          reject(new Error(outcome));
        } else {
          resolve((known = outcome));
        }
      }
      /** @param {MessageEvent} event */
      function receive(event) {
        const answer = event.data && event.data.type === "authorization_response" && event.data.response;
        if (event.origin === new URL(config.endpoint).origin && event.source === opened && answer && answer.state === state && answer.iss === config.issuer) {
          end(answer.error || { ...answer, redirect_uri: address });
        }
      }
      addEventListener("message", receive);
    });
  }

  /**
   * @param {string} [challenge]
   * @returns {Promise<Answer>}
   */
  function askInPopUp(challenge) {
    if (giveCodes) {
      return open(challenge);
    }
    popUp =
      popUp ||
      open()
        .then(keep)
        .finally(() => {
          popUp = undefined;
        });
    return popUp;
  }

  /**
   * @param {Promise<Answer>} answer
   * @param {TokenSource.Callback} callback
   */
  function hand(answer, callback) {
    answer.then(
      ({ id_token, code, redirect_uri }) => callback(id_token || { ssoKey: code || "", redirect_uri: redirect_uri || "" }),
      (error) => callback("", error.message),
    );
  }

  /**
   * @param {TokenSource.Callback} callback
   * @param {string} [challenge]
   */
  function method(callback, challenge) {
    let answer = giveCodes || challenge ? ask(bindTo(challenge)) : idToken();
    if (usePopUp) {
      answer = answer.catch((error) => {
        if (/_required$/.test(error.message)) {
          return askInPopUp(challenge);
        }
        throw error;
      });
    }
    hand(answer, callback);
  }

  /** @type {TokenSource.Method["popup"]} */
  const popup = (callback, challenge) => hand(askInPopUp(challenge), callback);

  /** @param {TokenSource.IdentityCallback} callback */
  function identity(callback) {
    const answer = !giveCodes ? idToken() : known ? Promise.resolve(known) : ask({ response_type: "none" });
    answer.then(
      ({ iss, sub }) => callback({ iss, acr: "loa1", sub }),
      () => callback(null),
    );
  }

  /**
   * reach follows a dotted name from the window, making what is missing.
   * @param {string[]} names
   */
  function reach(names) {
    return names.reduce((/** @type {any} */ object, name) => (object[name] = object[name] || {}), window);
  }

  const path = (config.js_context + "." + config.js_method).split(".").filter((name, i) => i > 0 || name !== "window");
  const last = path.pop() || "";
  /** @type {TokenSource.Method} */
  const defined = Object.assign(method, { popup });
  reach(path)[last] = defined;

  const tag = reach(["lpTag"]);
  (tag.identities = tag.identities || []).push(identity);
})(__CONFIG__);

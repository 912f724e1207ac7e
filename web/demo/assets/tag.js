// The stand-in's tag on the brand's page, as Conversational Cloud's: it asks the
// page who is there, opens the external window, and runs the embedded one through
// the page's JS method. Buttons with data-conversation and data-connector call it.
(function (config) {
  "use strict";

  const keep = "lp-conversation"; // in the storage of this tab, for the brand's next page

  let visit; // of this page: sessionId and visitorId
  let panel = null; // the embedded window
  let conversation = null; // in it: connector, id once it has begun, the token of an anonymous consumer
  let bringing = null; // while a token is on its way
  let asked = false; // for a conversation, by a click on this page

  function remember() {
    if (conversation) {
      sessionStorage.setItem(keep, JSON.stringify(conversation));
    } else {
      sessionStorage.removeItem(keep);
    }
  }

  function post(path, body) {
    return fetch(config.cloud + "/api/account/" + config.account + path, {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  // identify asks the page's identity functions. One that knows nobody says null.
  async function identify() {
    const functions = (window.lpTag && window.lpTag.identities) || [];
    const all = functions.map(
      (identity) =>
        new Promise((resolve) => {
          try {
            identity(resolve);
          } catch (error) {
            resolve(null);
          }
        }),
    );
    return (await Promise.all(all)).filter(Boolean);
  }

  // callMethod calls the page's JS method. The error is what the page said.
  function callMethod(connector, challenge) {
    const names = (connector.js_context + "." + connector.js_method).split(".");
    const method = names.reduce((object, name) => (object === undefined || object === null ? undefined : object[name]), window);
    return new Promise((resolve, reject) => {
      if (typeof method !== "function") {
        throw new Error("no_method");
      }
      method((token, error) => (error === undefined || error === null ? resolve(token) : reject(new Error(error))), challenge);
    });
  }

  // fromPage has the page hand over an ID token or a code: as a text, or as an
  // object with the redirect address that a code was made for.
  async function fromPage(id) {
    const connector = config.connectors[id];
    const proof = connector.pkce ? await (await post("/app/" + id + "/pkce", {})).json() : {};
    const token = await callMethod(connector, proof.code_challenge);
    const key = typeof token === "string" ? token : token.ssoKey;
    return connector.code ? { code: key, redirect_uri: token.redirect_uri, code_verifier: proof.code_verifier } : { id_token: key };
  }

  // fromCloud has the cloud make an anonymous consumer, or know one again.
  async function fromCloud() {
    const previous = conversation.anonymous;
    const answer = await (await post("/anonymous/authorize", previous ? { id_token: previous } : {})).json();
    conversation.anonymous = answer.token;
    return { id_token: answer.token };
  }

  // bring authenticates whoever the embedded window talks with, for the first time
  // or again, and shows the conversation.
  async function bring(anonymous) {
    const current = conversation;
    try {
      const body = await (anonymous ? fromCloud() : fromPage(current.connector));
      const response = await post("/app/" + (anonymous ? config.anonymous : current.connector) + "/authenticate?v=3.0", {
        ...body,
        sessionId: visit.sessionId,
        conversationId: current.id,
      });
      const path = response.headers.get("Content-Location") || "/offline";
      const token = response.ok ? (await response.json()).token : "";
      if (current !== conversation) {
        return; // closed meanwhile
      }
      if (token) {
        current.id = path.split("/").pop();
        current.anonymous = anonymous ? body.id_token : undefined;
        remember();
      }
      show(path, token);
    } catch (error) {
      if (current === conversation) {
        show("/offline?reason=" + encodeURIComponent(error.message), "");
      }
    }
  }

  // begin shows a conversation, a new one or one that goes on.
  function begin(which, anonymous) {
    conversation = which;
    bringing = bring(anonymous).finally(() => {
      bringing = null;
    });
  }

  function openWindow(connector, conversationId) {
    const query = new URLSearchParams({
      lpUnifiedWindowConfig: JSON.stringify({
        accountId: config.account,
        external: true,
        engConf: { async: true, svid: visit.visitorId, ssid: visit.sessionId, conversationId, connector: { id: connector } },
      }),
      parentWindowOrigin: location.origin,
    });
    window.open(config.window + "?" + query, "", "popup,width=720,height=880");
  }

  function close() {
    panel.remove();
    panel = conversation = null;
    remember();
  }

  function button(name, label, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.name = name;
    made.textContent = label;
    made.style.cssText = "margin:0;padding:.5rem 1rem;min-height:0;width:auto;font:inherit;color:#fff;background:none;border:0;cursor:pointer";
    made.addEventListener("click", act);
    return made;
  }

  function makePanel() {
    const opener = document.activeElement;
    panel = document.createElement("section");
    panel.setAttribute("aria-label", "Conversation");
    panel.id = "conversation";
    panel.style.cssText =
      "position:fixed;inset:auto 1rem 1rem auto;width:min(28rem,calc(100vw - 2rem));height:min(42rem,calc(100vh - 2rem));" +
      "display:flex;flex-direction:column;border-radius:1rem;overflow:hidden;box-shadow:0 12px 48px rgb(0 0 0 / 30%);background:#234a77;z-index:10";
    const bar = document.createElement("div");
    bar.style.cssText = "display:flex;justify-content:flex-end";
    panel.out = button("pop-out", "", () => {
      openWindow(conversation.connector, conversation.id);
      close();
    });
    bar.append(
      panel.out,
      button("close", "Close", () => {
        close();
        opener.focus();
      }),
    );
    panel.frame = document.createElement("iframe");
    panel.frame.title = "Conversation";
    panel.frame.style.cssText = "flex:1;width:100%;border:0;background:Canvas";
    panel.append(bar, panel.frame);
    document.body.append(panel);
    if (asked) {
      bar.lastChild.focus(); // else the page has only just come, and the focus is not ours
    }
  }

  // show puts a page of the cloud into the embedded window, and gives it the
  // consumer token: at once if it is there, else when it says that it is.
  function show(path, token) {
    if (!panel) {
      makePanel();
    }
    panel.token = token;
    panel.out.hidden = !token;
    panel.out.textContent = conversation.anonymous ? "Sign in" : "Pop out";
    if (token && panel.path === path && panel.ready) {
      give();
    } else {
      panel.ready = false;
      panel.frame.src = config.cloud + path;
    }
    panel.path = path;
  }

  function give() {
    panel.frame.contentWindow.postMessage({ token: panel.token }, config.cloud);
  }

  addEventListener("message", (event) => {
    if (!panel || event.origin !== config.cloud || event.source !== panel.frame.contentWindow) {
      return;
    }
    if (event.data === "ready") {
      panel.ready = true;
      give();
    } else if (event.data === "expired" && !bringing) {
      begin(conversation, Boolean(conversation.anonymous));
    }
  });

  // goOn shows the conversation of the page before, if it is still theirs. One that
  // was begun without a name is, for whoever has signed in since.
  function goOn(identified) {
    const before = JSON.parse(sessionStorage.getItem(keep));
    if (before && config.connectors[before.connector] && (identified || before.anonymous)) {
      const shown = document.querySelector("[data-conversation=embedded]");
      begin({ ...before, connector: shown ? shown.dataset.connector : before.connector }, !identified);
    }
  }

  async function start() {
    const identities = await identify();
    visit = await (await post("/app/tag/engagement?v=1.1", { identities })).json();
    document.querySelectorAll("[data-conversation]").forEach((opener) => {
      const { conversation: way, connector } = opener.dataset;
      opener.addEventListener("click", () => {
        if (way === "external") {
          openWindow(connector);
          return;
        }
        asked = true;
        begin({ connector }, way === "anonymous");
      });
      opener.disabled = false;
    });
    goOn(identities.length > 0);
  }

  start();
})(__CONFIG__);

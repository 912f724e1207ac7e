// The stand-in's tag on the brand's page, as Conversational Cloud's: it asks the
// page who is there, opens the external window, and runs the embedded one through
// the page's JS method. Buttons with data-conversation and data-connector call it.
(function (config) {
  "use strict";

  var session = null; // of this visit: sessionId and visitorId
  var panel = null; // the embedded window

  function post(path, body) {
    return fetch(config.cloud + "/api/account/" + config.account + path, {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  // identify asks the page's identity functions. One that knows nobody says null.
  function identify() {
    var functions = (window.lpTag && window.lpTag.identities) || [];
    return Promise.all(
      functions.map(function (identity) {
        return new Promise(function (resolve) {
          try {
            identity(resolve);
          } catch (error) {
            resolve(null);
          }
        });
      }),
    ).then(function (all) {
      return all.filter(Boolean);
    });
  }

  function openWindow(connector) {
    var query = new URLSearchParams({
      lpUnifiedWindowConfig: JSON.stringify({
        accountId: config.account,
        external: true,
        engConf: { async: true, svid: session.visitorId, ssid: session.sessionId, connector: { id: connector } },
      }),
      parentWindowOrigin: location.origin,
    });
    window.open(config.window + "?" + query, "", "popup,width=720,height=880");
  }

  // show puts a page of the cloud into the embedded window.
  function show(path, opener) {
    if (!panel) {
      panel = document.createElement("section");
      panel.setAttribute("aria-label", "Conversation");
      panel.id = "conversation";
      panel.style.cssText =
        "position:fixed;inset:auto 1rem 1rem auto;width:min(28rem,calc(100vw - 2rem));height:min(42rem,calc(100vh - 2rem));" +
        "display:flex;flex-direction:column;border-radius:1rem;overflow:hidden;box-shadow:0 12px 48px rgb(0 0 0 / 30%);background:#234a77;z-index:10";
      var close = document.createElement("button");
      close.type = "button";
      close.textContent = "Close";
      close.style.cssText =
        "align-self:end;margin:0;padding:.5rem 1rem;min-height:0;width:auto;font:inherit;color:#fff;background:none;border:0;cursor:pointer";
      close.addEventListener("click", function () {
        panel.remove();
        panel = null;
        opener.focus();
      });
      var frame = document.createElement("iframe");
      frame.title = "Conversation";
      frame.style.cssText = "flex:1;width:100%;border:0;background:Canvas";
      frame.src = config.cloud + path;
      panel.append(close, frame);
      document.body.append(panel);
      close.focus();
      return;
    }
    panel.querySelector("iframe").src = config.cloud + path;
  }

  // method finds the page's JS method; null if there is none.
  function method(connector) {
    var names = (connector.js_context + "." + connector.js_method).split(".");
    var found = names.reduce(function (object, name) {
      return object === undefined || object === null ? undefined : object[name];
    }, window);
    return typeof found === "function" ? found : null;
  }

  function openEmbedded(id, button) {
    var ask = method(config.connectors[id]);
    if (!ask) {
      show("/offline?reason=no_method", button);
      return;
    }
    ask(function (token, error) {
      if (error !== undefined && error !== null) {
        show("/offline?reason=" + encodeURIComponent(error), button);
        return;
      }
      post("/app/" + id + "/authenticate?v=3.0", { id_token: token, sessionId: session.sessionId }).then(
        function (response) {
          show(response.headers.get("Content-Location") || "/offline", button);
        },
        function () {
          show("/offline", button);
        },
      );
    });
  }

  document.querySelectorAll("[data-conversation]").forEach(function (button) {
    button.addEventListener("click", function () {
      if (button.dataset.conversation === "embedded") {
        openEmbedded(button.dataset.connector, button);
      } else {
        openWindow(button.dataset.connector);
      }
    });
  });

  identify()
    .then(function (identities) {
      return post("/app/tag/engagement?v=1.1", { identities: identities });
    })
    .then(function (response) {
      return response.json();
    })
    .then(function (answer) {
      session = answer;
      document.querySelectorAll("[data-conversation]").forEach(function (button) {
        button.disabled = false;
      });
    });
})(__CONFIG__);

// Gives Conversational Cloud's window an ID token of the consumer who is signed
// in at the provider. It defines the connector's JS method and the identity
// function, and keeps the token in this page's memory alone.
(function (config) {
  "use strict";

  var held = null; // the answer, with the moment at which it ends
  var asking = null; // one request for all callers of this page

  function ask() {
    if (held && held.ends - Date.now() > 60000) {
      return Promise.resolve(held);
    }
    if (!asking) {
      asking = fetch(config.endpoint, {
        method: "POST",
        mode: "cors",
        credentials: "include",
        cache: "no-store",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ client_id: config.client_id }),
      })
        .then(function (response) {
          return response.json().then(function (body) {
            if (!response.ok) {
              throw new Error(body.error || "server_error");
            }
            body.ends = Date.now() + body.expires_in * 1000;
            held = body;
            return body;
          });
        })
        .finally(function () {
          asking = null;
        });
    }
    return asking;
  }

  // reach follows a dotted name from an object, making what is missing.
  function reach(from, names) {
    return names.reduce(function (object, name) {
      if (object[name] === undefined || object[name] === null) {
        object[name] = {};
      }
      return object[name];
    }, from);
  }

  var context = config.js_context === "window" ? [] : config.js_context.replace(/^window\./, "").split(".");
  var method = config.js_method.split(".");
  var name = method.pop();
  reach(window, context.concat(method))[name] = function (callback) {
    ask().then(
      function (answer) {
        callback(answer.id_token);
      },
      function (error) {
        callback("", error.message || "server_error");
      },
    );
  };

  var identities = reach(window, ["lpTag"]);
  identities.identities = identities.identities || [];
  identities.identities.push(function (callback) {
    ask().then(
      function (answer) {
        callback({ iss: answer.iss, acr: "loa1", sub: answer.sub });
      },
      function () {
        callback(null);
      },
    );
  });
})(__CONFIG__);

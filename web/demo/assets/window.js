// The external window: it takes the provider's answer from its address, hands it
// to the cloud and shows what came of it. The answer leaves the address at once.
(function () {
  "use strict";

  var answer = new URLSearchParams(location.hash.length > 1 ? location.hash.slice(1) : location.search);
  history.replaceState(null, "", location.pathname);

  function offline(reason) {
    location.replace("/offline" + (reason ? "?reason=" + encodeURIComponent(reason) : ""));
  }

  function post(account, path, body) {
    return fetch("/api/account/" + account + path, {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  function exchange(account, connector, body) {
    return post(account, "/app/" + encodeURIComponent(connector) + "/authenticate?v=3.0", body).then(function (response) {
      var details = response.headers.get("Content-Location");
      details ? location.replace(details) : offline();
    });
  }

  // read gives the window's configuration, from state or from the tag; null if
  // there is none.
  function read(text, member) {
    try {
      var value = JSON.parse(text);
      return (member ? value[member] : value).engConf.connector ? (member ? value[member] : value) : null;
    } catch (error) {
      return null;
    }
  }

  var state = answer.get("state");
  var opened = read(answer.get("lpUnifiedWindowConfig"));
  var config = opened || read(state, "lpUnifiedWindowConfig");
  if (answer.has("error") || !config) {
    offline(answer.get("error"));
    return;
  }
  var account = encodeURIComponent(config.accountId);
  var done;
  if (opened) {
    // Nobody to ask: an anonymous consumer.
    done = post(account, "/anonymous/authorize", {})
      .then(function (response) {
        return response.json();
      })
      .then(function (anonymous) {
        return exchange(account, config.engConf.connector.id, { id_token: anonymous.token });
      });
  } else if (answer.has("code")) {
    done = exchange(account, config.engConf.connector.id, {
      code: answer.get("code"),
      redirect_uri: location.origin + location.pathname,
      state: state,
    });
  } else {
    done = exchange(account, config.engConf.connector.id, { id_token: answer.get("id_token"), state: state });
  }
  done.catch(function () {
    offline();
  });
})();

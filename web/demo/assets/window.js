// The external window. Opened by the tag it leaves for the brand; when the brand
// leads back to it, it takes the answer from its address, hands it to the cloud
// and shows what came of it. The answer leaves the address at once.
(function () {
  "use strict";

  // What the window has to know when it is back stays in its own storage.
  const launch = document.getElementById("launch");
  if (launch) {
    sessionStorage.setItem("opened", location.search);
    sessionStorage.setItem("verifier", launch.dataset.verifier);
    location.replace(launch.href);
    return;
  }

  // The answer lies in the query or in the fragment.
  const answer = new URLSearchParams(location.search);
  new URLSearchParams(location.hash.slice(1)).forEach((value, name) => answer.set(name, value));
  history.replaceState(null, "", location.pathname);

  function offline(reason) {
    location.replace("/offline" + (reason ? "?reason=" + encodeURIComponent(reason) : ""));
  }

  // The configuration came back in state, or of an older connector in the address.
  const state = answer.get("state");
  const opened = answer.get("lpUnifiedWindowConfig");
  function read() {
    try {
      const config = state ? JSON.parse(state).lpUnifiedWindowConfig : JSON.parse(opened);
      return config.engConf.connector ? config : null;
    } catch (error) {
      return null;
    }
  }

  async function exchange(config) {
    const connector = config.engConf.connector;
    const isCode = connector.type === 2;
    const body = isCode
      ? { code: answer.get("code"), code_verifier: sessionStorage.getItem("verifier") }
      : { id_token: answer.get("id_token") || answer.get("token") || answer.get("code") };
    sessionStorage.removeItem("verifier");
    const path = "/api/account/" + encodeURIComponent(config.accountId) + "/app/" + encodeURIComponent(connector.id) + "/authenticate?v=3.0";
    const response = await fetch(path, {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...body, ...(state ? { state } : { lpUnifiedWindowConfig: opened }) }),
    });
    const details = response.headers.get("Content-Location");
    if (!details) {
      offline();
      return;
    }
    if (response.ok) {
      sessionStorage.setItem(details, (await response.json()).token);
    }
    location.replace(details);
  }

  const config = read();
  if (answer.has("error") || !config) {
    offline(answer.get("error"));
    return;
  }
  exchange(config).catch(() => offline());
})();

// A person with a browser that keeps cookies and fills in forms.
import assert from "node:assert/strict";

// browser makes a browser without cookies. What it returns follows an address to
// the page of the relying party, through the sign-in form where there is one.
export function browser({ issuer, username, password }) {
  const cookies = new Map();

  async function ask(address, options = {}) {
    const response = await fetch(address, {
      ...options,
      redirect: "manual",
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [name, ...value] = cookie.split(";")[0].split("=");
      cookies.set(name, value.join("="));
    }
    return response;
  }

  return async (address) => {
    let response = await ask(address);
    let page = await response.text();
    const ticket = /<form id="sign-in"[^]*name="ticket" value="([^"]*)"/.exec(page);
    if (ticket) {
      response = await ask(issuer + "/sign-in", { method: "POST", body: new URLSearchParams({ ticket: ticket[1], username, password }) });
      page = await response.text();
    }
    const location = response.headers.get("location");
    if (location) {
      return new URL(location);
    }
    const link = /<a id="continue"[^>]* href="([^"]*)"/.exec(page);
    assert.ok(link, `no way back to the relying party, status ${response.status}: ${page}`);
    return new URL(unescape(link[1]));
  };
}

function unescape(text) {
  const characters = { amp: "&", lt: "<", gt: ">", "#34": '"', "#39": "'", "#43": "+" };
  return text.replace(/&(#?\w+);/g, (_, name) => characters[name]);
}

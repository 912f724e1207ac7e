// The relying party of openid-client, as its documentation has it, and a person
// with a browser that keeps cookies and fills in forms. Whatever is not as it
// should be throws.
//
//	node openid-client.mjs '{"issuer": …, "redirectURI": …, "secret": …, "username": …, "password": …}'
import assert from "node:assert/strict";
import * as client from "openid-client";

const { issuer, redirectURI, secret, username, password } = JSON.parse(process.argv[2]);
const insecure = { execute: [client.allowInsecureRequests] }; // the issuer is http on loopback

const clients = {
  basic: client.ClientSecretBasic(secret),
  post: client.ClientSecretPost(secret),
  public: client.None(),
};
for (const [id, authentication] of Object.entries(clients)) {
  await codeFlow(await client.discovery(new URL(issuer), id, undefined, authentication, insecure));
}
await implicitFlow("basic", "a nonce");
await errors();
console.log("ok");

async function codeFlow(config) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const expectedNonce = client.randomNonce();
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectURI,
    scope: "openid profile email",
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    nonce: expectedNonce,
  });
  const visit = browser();
  const tokens = await client.authorizationCodeGrant(config, await visit(address), { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true });
  const { sub } = tokens.claims();
  const info = await client.fetchUserInfo(config, tokens.access_token, sub);
  assert.equal(info.name, "Amelia Pond");
  assert.equal(info.email, "amelia@brand.example");
  assert.equal(info.email_verified, true);

  // Signed in by now: the same answer without a page, and with an age.
  const again = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectURI,
    scope: "openid",
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    prompt: "none",
    max_age: "1000",
  });
  const silent = await client.authorizationCodeGrant(config, await visit(again), { pkceCodeVerifier, expectedState, maxAge: 1000, idTokenExpected: true });
  assert.equal(silent.claims().sub, sub);
}

async function implicitFlow(id, nonce) {
  const config = await client.discovery(new URL(issuer), id, undefined, client.None(), insecure);
  client.useIdTokenResponseType(config);
  const expectedState = client.randomState();
  const address = client.buildAuthorizationUrl(config, { redirect_uri: redirectURI, scope: "openid email", state: expectedState, nonce });
  const claims = await client.implicitAuthentication(config, await browser()(address), nonce, { expectedState });
  assert.equal(claims.email, "amelia@brand.example");
}

async function errors() {
  const config = await client.discovery(new URL(issuer), "basic", undefined, client.ClientSecretBasic(secret), insecure);
  const expectedState = client.randomState();
  const silent = client.buildAuthorizationUrl(config, { redirect_uri: redirectURI, scope: "openid", state: expectedState, prompt: "none" });
  await assert.rejects(
    client.authorizationCodeGrant(config, await browser()(silent), { expectedState }),
    (e) => e instanceof client.AuthorizationResponseError && e.error === "login_required",
  );
  const code = new URL(redirectURI + `?code=unknown&iss=${encodeURIComponent(issuer)}`);
  await assert.rejects(
    client.authorizationCodeGrant(config, code),
    (e) => e instanceof client.ResponseBodyError && e.error === "invalid_grant" && e.status === 400,
  );
  const stranger = await client.discovery(new URL(issuer), "basic", undefined, client.ClientSecretBasic("not the secret"), insecure);
  await assert.rejects(client.authorizationCodeGrant(stranger, code), (e) => e.status === 401);
  await assert.rejects(client.fetchUserInfo(config, "not a token", "anybody"), (e) => e.status === 401);
  const elsewhere = client.buildAuthorizationUrl(config, { redirect_uri: "https://attacker.example/", scope: "openid" });
  const page = await fetch(elsewhere, { redirect: "manual" });
  assert.equal(page.status, 400);
  assert.equal(page.headers.get("location"), null);
}

// browser makes a browser without cookies. What it returns follows an address to
// the page of the relying party, through the sign-in form where there is one.
function browser() {
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
    if (response.status === 200) {
      const ticket = /name="ticket" value="([^"]*)"/.exec(await response.text())[1];
      response = await ask(issuer + "/sign-in", { method: "POST", body: new URLSearchParams({ ticket, username, password }) });
    }
    const location = response.headers.get("location");
    if (location) {
      return new URL(location);
    }
    const page = await response.text();
    const link = /<a id="continue"[^>]* href="([^"]*)"/.exec(page);
    assert.ok(link, `no way back to the relying party, status ${response.status}: ${page}`);
    return new URL(unescape(link[1]));
  };
}

function unescape(text) {
  const characters = { amp: "&", lt: "<", gt: ">", "#34": '"', "#39": "'", "#43": "+" };
  return text.replace(/&(#?\w+);/g, (_, name) => characters[name]);
}

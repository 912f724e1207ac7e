// The relying party of openid-client, as its documentation has it. Whatever is not
// as it should be throws.
//
//	node openid-client.mjs '{"issuer": …, "redirectURI": …, "goodbye": …, "secret": …, "key": …, "username": …, "password": …}'
import assert from "node:assert/strict";
import * as client from "openid-client";
import { browser } from "./person.mjs";

const input = JSON.parse(process.argv[2]);
const { issuer, redirectURI, goodbye, secret } = input;
const key = await crypto.subtle.importKey("jwk", input.key, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
const insecure = { execute: [client.allowInsecureRequests] }; // the issuer is http on loopback

const clients = {
  basic: [{}, client.ClientSecretBasic(secret)],
  post: [{}, client.ClientSecretPost(secret)],
  public: [{}, client.None()],
  keys: [{ id_token_signed_response_alg: "EdDSA", userinfo_signed_response_alg: "RS256" }, client.PrivateKeyJwt({ key, kid: input.key.kid })],
};
for (const [id, [metadata, authentication]] of Object.entries(clients)) {
  const config = await client.discovery(new URL(issuer), id, metadata, authentication, insecure);
  client.enableNonRepudiationChecks(config); // verify signatures though TLS would do
  await codeFlow(config);
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
    scope: "openid profile email offline_access",
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    nonce: expectedNonce,
  });
  const visit = browser(input);
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

  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(refreshed.access_token, tokens.access_token);
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
  assert.equal(refreshed.claims().sub, sub);
  assert.equal((await client.fetchUserInfo(config, refreshed.access_token, sub)).email, info.email);
  await client.tokenRevocation(config, refreshed.refresh_token);
  await assert.rejects(client.refreshTokenGrant(config, refreshed.refresh_token), (e) => e.error === "invalid_grant");

  const end = client.buildEndSessionUrl(config, { id_token_hint: refreshed.id_token, post_logout_redirect_uri: goodbye, state: expectedState });
  assert.equal(String(await visit(end)), `${goodbye}?state=${expectedState}`);
  await assert.rejects(client.authorizationCodeGrant(config, await visit(again), { pkceCodeVerifier, expectedState }), (e) => e.error === "login_required");
}

async function implicitFlow(id, nonce) {
  const config = await client.discovery(new URL(issuer), id, undefined, client.None(), insecure);
  client.useIdTokenResponseType(config);
  const expectedState = client.randomState();
  const address = client.buildAuthorizationUrl(config, { redirect_uri: redirectURI, scope: "openid email", state: expectedState, nonce });
  const claims = await client.implicitAuthentication(config, await browser(input)(address), nonce, { expectedState });
  assert.equal(claims.email, "amelia@brand.example");
}

async function errors() {
  const config = await client.discovery(new URL(issuer), "basic", undefined, client.ClientSecretBasic(secret), insecure);
  const expectedState = client.randomState();
  const silent = client.buildAuthorizationUrl(config, { redirect_uri: redirectURI, scope: "openid", state: expectedState, prompt: "none" });
  await assert.rejects(
    client.authorizationCodeGrant(config, await browser(input)(silent), { expectedState }),
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

// The relying party of oauth4webapi, as its documentation has it. Whatever is not
// as it should be throws.
//
//	node oauth4webapi.mjs '{"issuer": …, "redirectURI": …, "goodbye": …, "secret": …, "key": …, "username": …, "password": …}'
import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { browser } from "./person.mjs";

const input = JSON.parse(process.argv[2]);
const { redirectURI, goodbye, secret } = input;
const issuer = new URL(input.issuer);
const key = await crypto.subtle.importKey("jwk", input.key, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
const insecure = { [oauth.allowInsecureRequests]: true }; // the issuer is http on loopback

const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
await Promise.all([
  party({ client_id: "basic" }, oauth.ClientSecretBasic(secret)),
  party({ client_id: "post" }, oauth.ClientSecretPost(secret)),
  party({ client_id: "public" }, oauth.None()),
  party({ client_id: "keys", id_token_signed_response_alg: "EdDSA", userinfo_signed_response_alg: "RS256" }, oauth.PrivateKeyJwt({ key, kid: input.key.kid })),
]);
console.log("ok");

async function party(client, authentication) {
  const visit = browser(input);

  const { tokens, info } = await signIn();
  assert.equal(info.name, "Amelia Pond");
  assert.equal(info.email, "amelia@brand.example");

  const refreshed = await refresh(tokens.refresh_token);
  assert.notEqual(refreshed.access_token, tokens.access_token);
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
  assert.equal(oauth.getValidatedIdTokenClaims(refreshed).sub, info.sub);
  assert.equal((await userInfo(refreshed.access_token, info.sub)).email, info.email);

  if (client.client_id !== "public") {
    const introspect = async (token) =>
      oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, authentication, token, insecure));
    assert.equal((await introspect(refreshed.access_token)).active, true);
    assert.equal((await introspect("not a token")).active, false);
  }
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, authentication, refreshed.refresh_token, insecure));
  await assert.rejects(refresh(refreshed.refresh_token), (e) => e instanceof oauth.ResponseBodyError && e.error === "invalid_grant" && e.status === 400);
  await assert.rejects(userInfo(refreshed.access_token, info.sub), (e) => e instanceof oauth.WWWAuthenticateChallengeError && e.status === 401);

  const state = oauth.generateRandomState();
  const end = new URL(as.end_session_endpoint);
  end.search = new URLSearchParams({ id_token_hint: refreshed.id_token, post_logout_redirect_uri: goodbye, state });
  assert.equal(String(await visit(end)), `${goodbye}?state=${state}`);
  await assert.rejects(signIn({ prompt: "none" }), (e) => e instanceof oauth.AuthorizationResponseError && e.error === "login_required");

  async function signIn(more = {}) {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const nonce = oauth.generateRandomNonce();
    const address = new URL(as.authorization_endpoint);
    address.search = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: redirectURI,
      response_type: "code",
      scope: "openid profile email offline_access",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
      ...more,
    });
    const answer = oauth.validateAuthResponse(as, client, await visit(address), state);
    const response = await oauth.authorizationCodeGrantRequest(as, client, authentication, answer, redirectURI, verifier, insecure);
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(as, response, insecure);
    return { tokens, info: await userInfo(tokens.access_token, oauth.getValidatedIdTokenClaims(tokens).sub) };
  }

  async function refresh(token) {
    const response = await oauth.refreshTokenGrantRequest(as, client, authentication, token, insecure);
    const tokens = await oauth.processRefreshTokenResponse(as, client, response);
    await oauth.validateApplicationLevelSignature(as, response, insecure);
    return tokens;
  }

  async function userInfo(token, sub) {
    const response = await oauth.userInfoRequest(as, client, token, insecure);
    const info = await oauth.processUserInfoResponse(as, client, sub, response);
    if (client.userinfo_signed_response_alg) {
      await oauth.validateApplicationLevelSignature(as, response, insecure);
    }
    return info;
  }
}

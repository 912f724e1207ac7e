// Conversational Cloud with the library jose: it opens an encrypted ID token
// with its private key and verifies what is inside, by the connector's JWKS and,
// with nothing but Node's own crypto, by the public key pasted in one line.
// Whatever is not as it should be throws.
//
//	node jose.mjs '{"token": …, "privateKey": …, "enc": …, "kid": …, "issuer": …, "jwks": …, "oneLine": …}'
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import * as jose from "jose";

const { token, privateKey, enc, kid, issuer, jwks, oneLine } = JSON.parse(process.argv[2]);

const key = await jose.importPKCS8(privateKey, "RSA-OAEP-256");
const { plaintext, protectedHeader } = await jose.compactDecrypt(token, key, {
  keyManagementAlgorithms: ["RSA-OAEP-256"],
  contentEncryptionAlgorithms: [enc],
});
assert.deepEqual(protectedHeader, { alg: "RSA-OAEP-256", enc, kid, cty: "JWT" });

const inner = new TextDecoder().decode(plaintext);
const { payload } = await jose.jwtVerify(inner, jose.createRemoteJWKSet(new URL(jwks)), {
  issuer,
  audience: "messaging",
  algorithms: ["RS256"],
  typ: "JWT",
});
assert.equal(payload.given_name, "Amelia");
assert.equal(payload.lp_sdes[0].info.customerId, "138766AC");

assert.match(oneLine, /^[A-Za-z0-9+/]+={0,2}$/); // Node would skip a line break
const [header, body, signature] = inner.split(".");
const pasted = createPublicKey({ key: Buffer.from(oneLine, "base64"), format: "der", type: "spki" });
const verifies = (payload) => verify("sha256", Buffer.from(`${header}.${payload}`), pasted, Buffer.from(signature, "base64url"));
assert.ok(verifies(body));
assert.ok(!verifies(body + "A"));
console.log("ok");

// The brand's own backend in Node, without dependencies: it knows who is signed in,
// and fetches the ID token with which they chat. Needs Node 20 or newer.
//
//   ORIGIN=http://localhost:8081 IDP=https://id.brand.example IDP_CLIENT=messaging IDP_API_KEY=idp_k_… node server.mjs
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

const { ORIGIN, IDP, IDP_CLIENT, IDP_API_KEY } = process.env;
const sessions = new Map(); // stands for the sessions that you have

const page = readFileSync("../page.html");

function sessionOf(request) {
  return sessions.get(/(?:^|; )session=([^;]+)/.exec(request.headers.cookie)?.[1]);
}

async function chatToken(session) {
  return fetch(`${IDP}/api/v1/engagements/token`, {
    method: "POST",
    headers: { authorization: `Bearer ${IDP_API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ client_id: IDP_CLIENT, external_id: session.customer, auth_time: session.since }),
    signal: AbortSignal.timeout(5000),
  });
}

async function answer(request, response) {
  response.setHeader("cache-control", "no-store");
  if (request.method === "GET") return response.setHeader("content-type", "text/html").end(page);
  if (request.method !== "POST" || request.headers.origin !== ORIGIN) return response.writeHead(403).end(); // another site's page
  if (request.url === "/login") { // stands for the login that you have, which asks for more than a number
    let body = "";
    for await (const chunk of request) body += chunk;
    const id = randomUUID();
    sessions.set(id, { customer: new URLSearchParams(body).get("customer"), since: new Date() });
    return response.writeHead(303, { location: "/", "set-cookie": `session=${id}; HttpOnly; SameSite=Lax; Path=/` }).end();
  }
  const session = sessionOf(request);
  if (request.url !== "/chat-token" || !session) return response.writeHead(session ? 404 : 401).end();
  const got = await chatToken(session);
  if (!got.ok) console.error("engagements/token:", got.status, await got.text());
  response.writeHead(got.ok ? 200 : 502, { "content-type": "application/json" }).end(got.ok ? await got.text() : "{}");
}

createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.writeHead(502).end();
  });
}).listen(new URL(ORIGIN).port);

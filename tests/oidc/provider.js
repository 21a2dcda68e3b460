// A real OpenID provider on loopback, for the tests. Whoever is named at its form gets in there; whether they get in
// at Fangpin is Fangpin's to say. Usage: node provider.js PORT REDIRECT_URI CODE_SECONDS
//
// Whoever is named NAME/FAULT gets a token of the real provider in which one thing was altered, signed again with
// its key (or, for the fault `signature`, with another).
const crypto = require("node:crypto");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const [port, redirect, seconds] = process.argv.slice(2);
// The package is of modules only, which NODE_PATH does not find.
const entry = path.join(process.env.NODE_PATH, "oidc-provider", "lib", "index.js");

const keyPair = () => crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
const [own, other] = [keyPair(), keyPair()];
const faults = {
  issuer: (claims) => { claims.iss = "http://127.0.0.1:1"; },
  audience: (claims) => { claims.aud = "another client"; },
  expiry: (claims) => { claims.exp = claims.iat - 3600; },
  access: (claims) => { claims.at_hash = "AAAAAAAAAAAAAAAAAAAAAA"; },
  signature: () => {},
  none: () => {},
};

function altered(token) {
  const [head, body] = token.split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url"));
  const fault = claims.sub.split("/")[1];
  if (!faults[fault]) return token;
  faults[fault](claims);
  const signed = `${head}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  const key = fault === "signature" ? other : own;
  return `${signed}.${crypto.sign("sha256", Buffer.from(signed), key.privateKey).toString("base64url")}`;
}

import(pathToFileURL(entry)).then(({ Provider }) => {
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [{ client_id: "fangpin", client_secret: "a secret of the tests", redirect_uris: [redirect] }],
    findAccount: (_, id) => ({
      accountId: id,
      // What people call themselves need not be what they are known by: staff.x is x here.
      claims: () => ({
        sub: id,
        preferred_username: id.split("/")[0].replace(/^staff\./, ""),
        email: `${id}@example.org`,
        email_verified: !id.startsWith("unproved."),
      }),
    }),
    claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false,
    ttl: { AuthorizationCode: Number(seconds) },
    cookies: { keys: ["of the tests"] },
    jwks: { keys: [{ ...own.privateKey.export({ format: "jwk" }), kid: "own", alg: "RS256", use: "sig" }] },
  });
  // Once somebody has asked for it, tokens are had at another address only.
  let moved = false;
  provider.use(async (ctx, next) => {
    if (ctx.path === "/moved") moved = ctx.body = true;
    if (moved && ctx.path === "/token" && !ctx.query.moved) {
      ctx.status = 307;
      ctx.set("Location", "/token?moved=1");
      return;
    }
    await next();
    if (ctx.oidc?.route === "token" && ctx.body?.id_token) ctx.body.id_token = altered(ctx.body.id_token);
  });
  provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
});

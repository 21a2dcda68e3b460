// A real OpenID provider on loopback, for the tests. Whoever is named at its form gets in there; whether they get in
// at Fangpin is Fangpin's to say. Usage: node provider.js PORT REDIRECT_URI CODE_SECONDS
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const [port, redirect, seconds] = process.argv.slice(2);
// The package is of modules only, which NODE_PATH does not find.
const entry = path.join(process.env.NODE_PATH, "oidc-provider", "lib", "index.js");

import(pathToFileURL(entry)).then(({ Provider }) => {
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [{ client_id: "fangpin", client_secret: "a secret of the tests", redirect_uris: [redirect] }],
    findAccount: (_, id) => ({
      accountId: id,
      // What people call themselves need not be what they are known by: staff.x is x here.
      claims: () => ({ sub: id, preferred_username: id.replace(/^staff\./, ""), email: `${id}@example.org`, email_verified: true }),
    }),
    claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false,
    ttl: { AuthorizationCode: Number(seconds) },
    cookies: { keys: ["of the tests"] },
  });
  provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
});

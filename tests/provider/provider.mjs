// A certified OpenID Connect provider for tests. `node provider.mjs PORT CALLBACK`: any name may log in, with any password.
import { Provider } from "oidc-provider";

const [port, callback] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "orchestrator",
      client_secret: "a-secret-of-the-client-with-32-characters",
      redirect_uris: [callback],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  pkce: { required: () => true },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"] },
  findAccount: (_context, name) => ({
    accountId: name,
    claims: () => ({
      sub: name,
      email: `${name}@example.com`,
      email_verified: !name.startsWith("unverified"),
      preferred_username: name,
    }),
  }),
});

provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));

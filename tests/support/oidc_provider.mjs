// An identity provider for tests: npm's oidc-provider with its pages for development, where every account exists.
// node oidc_provider.mjs PACKAGE PORT REDIRECT_URI
import { pathToFileURL } from "node:url";
const [, , entry, port, redirect] = process.argv;
const { default: Provider } = await import(pathToFileURL(entry).href);
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{
    client_id: "huiyin", token_endpoint_auth_method: "none", application_type: "native",
    redirect_uris: [redirect], grant_types: ["authorization_code"], response_types: ["code"],
  }],
  cookies: { keys: ["a key for tests"] },
});
provider.listen(Number(port), () => console.log("listening"));

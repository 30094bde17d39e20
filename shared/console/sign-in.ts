/** Signs in with Microsoft Entra ID by MSAL: authorization code with PKCE, in the same tab. */
import type { IPublicClientApplication } from "@azure/msal-browser";
import type { EntraConfig } from "./session.ts";

let client: Promise<IPublicClientApplication> | undefined;

async function createClient({ authority, clientId }: EntraConfig) {
  // MSAL is half of the page's code and loads only where Entra is used.
  const { createStandardPublicClientApplication } = await import("@azure/msal-browser");
  const url = new URL(authority);
  const application = await createStandardPublicClientApplication({
    auth: {
      authority,
      clientId,
      knownAuthorities: [url.host],
      redirectUri: `${location.origin}/api/console`,
    },
    cache: { cacheLocation: "sessionStorage" },
  });
  const answer = await application.handleRedirectPromise({ navigateToLoginRequestUrl: false });
  // MSAL has removed its answer from the fragment; the state names the page before the sign-in.
  if (answer?.state?.startsWith("#/") === true) location.hash = answer.state;
  return application;
}

const openClient = (config: EntraConfig): Promise<IPublicClientApplication> =>
  (client ??= createClient(config));

/** Returns an access token for the signed-in account; undefined if no account is signed in. */
export async function acquireToken(config: EntraConfig): Promise<string | undefined> {
  const application = await openClient(config);
  const [account] = application.getAllAccounts();
  if (!account) return undefined;
  try {
    const result = await application.acquireTokenSilent({ account, scopes: [config.scope] });
    return result.accessToken;
  } catch {
    return undefined;
  }
}

/** Navigates to the sign-in page, and later back to the current page of the console. */
export async function signIn(config: EntraConfig): Promise<void> {
  const application = await openClient(config);
  await application.loginRedirect({ scopes: [config.scope], state: location.hash });
}

/** Forgets the account and its tokens in this tab. The session at Microsoft continues. */
export async function forgetAccount(config: EntraConfig): Promise<void> {
  const application = await openClient(config);
  await application.clearCache();
}

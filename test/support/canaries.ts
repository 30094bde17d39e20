/** Values with secrets, for every place that stores or shows foreign text. None is a real credential. */
/** Parts of canaries; none is a real credential. */
const value = "Zq8~Xk3-canary-9f";
const key88 =
  "q7Jd0aXz91LmPwR4tYbN8sVuK2eGhC5fQ6iTo3MvB1nDjEyWxSr0HkAp7UlZgO4cI9zFq2vT5bNmR8dXsYwJeA==";
const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ";
const pem =
  "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nAgEAAoIBAQ\n-----END PRIVATE KEY-----";

/** A canary: its name, a value with a secret, and the text that must not remain. */
type Canary = readonly [name: string, input: unknown, secret: string];

const templates: readonly Canary[] = [
  ["a client secret", { client_secret: value }, value],
  ["a password", { password: value }, value],
  ["a camelCase secret", { clientSecret: value }, value],
  ["a numeric password", { pwd: 12_345_678 }, "12345678"],
  ["an authorization header", { headers: { authorization: value } }, value],
  ["a header in another case", { Headers: { "X-Functions-Key": value } }, value],
  ["a header list", [{ name: "n", "Proxy-Authorization": `Basic ${value}` }], value],
  ["a cookie", { cookie: `session=${value}; path=/` }, value],
  ["an API key", { "api-key": value }, value],
  ["an access token", { accessToken: value }, value],
  ["a refresh token", { data: { refresh_token: value } }, value],
  ["a list under a secret name", { tokens: { token: [value, value] } }, value],
  ["a nested object", { a: [{ b: { c: { private_key: value } } }] }, value],
  ["a connection string member", { ConnectionString: `AccountKey=${value}` }, value],
  ["a SAS token member", { sasToken: `sv=2024&sig=${value}` }, value],
  ["a signature member", { signature: value }, value],
  ["a name of a member", { [`password=${value}`]: 1 }, value],
  ["a bearer token in a text", `got Bearer ${value}`, value],
  ["a basic credential", "Authorization: Basic dXNlcjpjYW5hcnk=", "dXNlcjpjYW5hcnk"],
  ["a portal token", "Token U0VDUkVUMQ is invalid", "U0VDUkVUMQ"],
  ["a cookie in a text", `cookie: a=1; session=${value}`, value],
  ["an API key in a text", `api_key=${value}`, value],
  ["a password in a text", `the password: ${value} was wrong`, value],
  ["a quoted password", `{"password":"${value} with blanks"}`, "with blanks"],
  ["JSON within JSON", JSON.stringify({ inner: JSON.stringify({ client_secret: value }) }), value],
  ["a form", `grant_type=x&client_secret=${value}&scope=y`, value],
  ["an encoded form", `body=client_secret%3D${value}`, value],
  ["a webhook secret", "whsec_C2FVsBQIhrscChlQIMV", "C2FVsBQIhrsc"],
  ["a personal access token", "ghp_abcdEFGH1234ijklMNOP", "abcdEFGH1234"],
  ["an AWS key id", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7"],
  ["a JSON Web Token", { note: `x ${jwt} y` }, "eyJzdWIi"],
  ["a truncated JSON Web Token", jwt.slice(0, 30), "eyJhbGci"],
  ["a private key", pem, "MIIEvQ"],
  ["a truncated private key", pem.slice(0, 60), "MIIEvQ"],
  ["a storage key", `AccountName=x;AccountKey=${key88};EndpointSuffix=y`, key88.slice(0, 20)],
  ["a storage key without a name", { note: key88 }, key88.slice(0, 20)],
  [
    "base64 of a secret",
    Buffer.from(`{"password":"${value}","user":"someone"}`).toString("base64"),
    "eyJwYXNz",
  ],
  ["a SAS address", "https://x.blob.core.windows.net/c/b?sv=2024&sig=a%2Fb%3D", "a%2Fb"],
  ["a job key", "/api/jobs/5?key=1.AbCdEf123", "1.AbCdEf123"],
  ["a function key in a query", "GET /api/x?code=AbC123==", "AbC123"],
  ["a user in an address", `https://user:${value}@host/`, value],
  ["a shared key header", "SharedKey account:AbC123/x+y=", "AbC123"],
  ["an API key header", { "X-API-Key": value }, value],
  ["a header as name and value", `X-Api-Key: ${value}`, value],
  ["a set cookie", `Set-Cookie: sid=${value}; HttpOnly`, value],
  ["a client assertion", `client_assertion=${jwt}`, "c2lnbmF0dXJl"],
  ["a member in a list in a text", `[{"accountKey":"${value}"}]`, value],
  ["a passphrase", { passphrase: value }, value],
  ["a Slack token", "xoxb-123456789012-abcdefABCDEF", "abcdefABCDEF"],
  ["a GitLab token", "glpat-abcDEF123456ghiJKL", "abcDEF123456"],
  ["an id token", { idToken: jwt }, "eyJzdWIi"],
  ["a subscription key", { "Ocp-Apim-Subscription-Key": value }, value],
  ["a query in a text", `see https://host.example/path?token=${value}`, value],
  ["a password with quotes", { password: `a"b\\"${value}` }, value],
  ["a password with quotes in JSON", JSON.stringify({ password: `a"${value}` }), value],
  ["a nested object in a text", `credentials: {"credentials":{"a":["${value}"]}}`, value],
  ["a list of passwords", { passwords: [value] }, value],
  ["two secrets in a text", `password=first9~x; secret=${value}`, value],
];

/** The canaries, each with a value of its own, so that a test names the one that remains. */
export const canaries: readonly Canary[] = templates.map(([name, input, secret], index) => {
  const own = `${value}${index}x`;
  const mark = (text: string): string => text.replaceAll(value, own);
  return [name, JSON.parse(mark(JSON.stringify(input))) as unknown, mark(secret)];
});

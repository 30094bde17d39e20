/**
 * The names of the JOSE library that Huntline uses; a bundle of its own, loaded when a source shows
 * a token of Entra.
 */
export { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";

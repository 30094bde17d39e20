/**
 * Alert ids in every form that people and products send. Cloud Apps knows 24 hex digits; Defender
 * XDR and Sentinel put `ca` before them; a portal address carries either. Other products' ids are
 * refused by name, because sending them to Cloud Apps would close nothing and look like success.
 */

/** A Cloud Apps alert id as the API takes it: 24 lower-case hex digits. */
export type AlertId = string & { readonly brand: "AlertId" };

export type ParsedAlertId =
  | { readonly kind: "alert"; readonly id: AlertId }
  | { readonly kind: "refused"; readonly message: string };

const idPattern = /^(?:ca)?([0-9a-f]{24})$/i;
/** In an address, an alert id follows `/alerts/` in the path or the fragment. */
const idInPath = /\/alerts\/(?:ca)?([0-9a-f]{24})(?![0-9a-z])/i;
const guid = /^\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$/i;
const portalHosts =
  /(?:^|\.)(?:portal\.cloudappsecurity\.com|cloud-app-security\.com|portal\.cloudappsecuritygov\.com|portal\.cloudappsecurity\.us|security\.microsoft\.com|security\.microsoft\.us|security\.apps\.mil)$/;

/** Two-letter prefixes of unified alert ids, with the product whose alert it is. */
const otherProducts: Readonly<Record<string, string>> = {
  aa: "Defender for Identity",
  ad: "Entra ID Protection",
  da: "Defender for Endpoint",
  dc: "Defender for Cloud",
  dl: "Purview Data Loss Prevention",
  ea: "Defender XDR",
  ed: "Defender for Endpoint",
  fa: "Defender for Office 365",
  ir: "Purview Insider Risk Management",
  ma: "App Governance",
  ra: "Defender XDR",
  ri: "Defender for Identity",
  rm: "Defender XDR's Cloud Apps detections",
  sn: "Microsoft Sentinel",
  ta: "Defender XDR",
};

const expectedForms =
  'must be 24 hex digits, the same after "ca", or the alert\'s address in a Microsoft portal';

/** Reads one id. */
export function parseAlertId(text: string): ParsedAlertId {
  const trimmed = text.trim();
  const match = idPattern.exec(trimmed);
  if (match?.[1] !== undefined) return acceptDigits(match[1]);
  if (/^https?:/i.test(trimmed)) return parseAddress(trimmed);
  if (guid.test(trimmed))
    return refuseId(`${expectedForms}; a GUID names an incident or an alert of another product`);
  const product = otherProducts[trimmed.slice(0, 2).toLowerCase()];
  if (product !== undefined && /^[a-z]{2}[0-9a-f-]{8,}/i.test(trimmed))
    return refuseId(
      `${expectedForms}; this is an alert of ${product}, which Cloud Apps cannot close: close it in the Defender portal`,
    );
  return refuseId(expectedForms);
}

const acceptDigits = (digits: string): ParsedAlertId => ({
  kind: "alert",
  id: digits.toLowerCase() as AlertId,
});
const refuseId = (message: string): ParsedAlertId => ({ kind: "refused", message });

/**
 * Reads the id after `/alerts/`. Portal addresses of policies, users and activities hold 24 hex
 * digits too, which are not alert ids.
 */
function parseAddress(text: string): ParsedAlertId {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !portalHosts.test(url.hostname))
    return refuseId(`${expectedForms}; this address is outside the Microsoft portals`);
  const place = `${url.pathname}${url.hash}`;
  const digits = idInPath.exec(place)?.[1];
  if (digits !== undefined) return acceptDigits(digits);
  const page =
    /^\/?(?:#\/)?([a-z][a-z-]*)/i.exec(place.replace(/^\/+#/, "#"))?.[1] ?? "another page";
  return refuseId(
    page.toLowerCase() === "alerts"
      ? `${expectedForms}; this address is without an alert id`
      : `${expectedForms}; this is an address of ${page}, not of an alert`,
  );
}

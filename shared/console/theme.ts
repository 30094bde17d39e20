/** Fluent UI components and their theme, which follows the browser's color scheme. */
import "@fluentui/web-components/badge.js";
import "@fluentui/web-components/button.js";
import "@fluentui/web-components/progress-bar.js";
import "@fluentui/web-components/spinner.js";
import "@fluentui/web-components/text-input.js";
import { webDarkTheme, webLightTheme } from "@fluentui/tokens";
import { setTheme } from "@fluentui/web-components";

/** Applies the theme of the color scheme now and whenever it changes. */
export function followColorScheme(onChange: () => void): void {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const apply = (): void => setTheme(query.matches ? webDarkTheme : webLightTheme);
  apply();
  query.addEventListener("change", () => {
    apply();
    onChange();
  });
}

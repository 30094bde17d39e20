/** JSX types of the Fluent UI web components that the console uses. */
import type { HTMLAttributes } from "preact";

type Element<Properties = object> = HTMLAttributes<HTMLElement> & Properties;

declare module "preact" {
  namespace JSX {
    interface IntrinsicElements {
      "fluent-badge": Element<{ color?: string; appearance?: string }>;
      "fluent-button": Element<{
        appearance?: "primary" | "subtle" | "transparent";
        disabled?: boolean;
        type?: "submit" | "button";
      }>;
      "fluent-progress-bar": Element<{ value?: number; max?: number }>;
      "fluent-spinner": Element<{ size?: string }>;
      "fluent-text-input": Element<{
        value?: string;
        type?: string;
        placeholder?: string;
        autocomplete?: string;
        name?: string;
      }>;
    }
  }
}

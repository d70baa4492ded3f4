import type { LinkProps } from "@tanstack/react-router";
import { Home, Inbox, Plug, Users } from "lucide-react";
import type { ComponentType } from "react";
import { paths } from "./paths";

/** A page that the navigation leads to. */
export interface Place {
  to: LinkProps["to"];
  label: string;
  icon: ComponentType<{ size?: number; strokeWidth?: number }>;
  keys: string;
  exact?: boolean;
}

export const main: Place[] = [
  { to: paths.home, label: "Home", icon: Home, keys: "g h", exact: true },
  { to: paths.inbox, label: "Inbox", icon: Inbox, keys: "g i" },
];
export const settings: Place[] = [
  { to: paths.integrations, label: "Integrations", icon: Plug, keys: "g s" },
  { to: paths.members, label: "Members", icon: Users, keys: "g m" },
];

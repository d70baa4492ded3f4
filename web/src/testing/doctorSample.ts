/** Two reports of the set-up check: one in order, one broken in the middle. */
import type { DoctorReport } from "../lib/types";

const link = (id: string, name: string, text: string, more: Partial<DoctorReport["findings"][0]> = {}) => ({
  id,
  name,
  state: "ok" as const,
  text,
  fix: "",
  action_url: "",
  ...more,
});

export const wellReport: DoctorReport = {
  broken: "",
  findings: [
    link("settings", "Settings", "All values can be used."),
    link("encryption_key", "Encryption key", "Every stored secret can be opened."),
    link("database", "Database", "SQLite, up to date."),
    link("clock", "Clock", "This machine's clock agrees with Google's."),
    link("oauth_client", "OAuth client", "Google accepts the client id and its secret."),
    link("redirect_1", "Redirect URI", "https://crm.northwind-lamps.example/oauth/callback is registered."),
    link("api_gmail", "Gmail API", "Enabled."),
    link("publishing", "Consent screen", "No sign of testing mode."),
  ],
};

export const brokenReport: DoctorReport = {
  broken: "redirect_1",
  findings: wellReport.findings.map((f) => {
    if (f.id === "redirect_1") {
      return {
        ...f,
        state: "broken" as const,
        text: "https://crm.northwind-lamps.example/oauth/callback is not registered with the OAuth client.",
        fix: "In Google Cloud (APIs & Services → Credentials → the client → Authorised redirect URIs) add exactly: https://crm.northwind-lamps.example/oauth/callback",
        action_url: "https://console.cloud.google.com/apis/credentials",
      };
    }
    if (f.id === "api_gmail")
      return { ...f, state: "skipped" as const, text: "Not looked at: it needs the link before." };
    if (f.id === "publishing") {
      return {
        ...f,
        state: "warning" as const,
        text: "Two permissions ended seven days after they were given.",
        fix: "Publish the app, or make it internal.",
        action_url: "/admin/approval",
      };
    }
    return f;
  }),
};

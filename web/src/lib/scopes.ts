/** What Google's permissions mean for a person. */
const known: Record<string, [string, string]> = {
  openid: ["Your identity", "Who you are at Google"],
  "userinfo.email": ["Your address", "The address of your Google account"],
  "userinfo.profile": ["Your name", "The name and picture of your Google account"],
  "gmail.readonly": ["Read mail", "See your messages, labels and settings"],
  "gmail.modify": ["Read and sort mail", "See messages; mark as read, star, label, archive"],
  "gmail.send": ["Send mail", "Send messages that you write in Rapport"],
  "gmail.metadata": ["Mail headers", "See senders, subjects and labels, never the text"],
  "gmail.labels": ["Labels", "See and edit your labels"],
  "mail.google.com": ["All of Gmail", "Read, send, sort and delete mail"],
  calendar: ["Calendar", "See and change your calendars"],
  "calendar.events": ["Events", "See and change events"],
  "calendar.readonly": ["See the calendar", "See your calendars and events"],
  contacts: ["Contacts", "See and change your contacts"],
  "contacts.readonly": ["See contacts", "See your contacts"],
  "contacts.other.readonly": ["Other contacts", "See people you have written to"],
  "directory.readonly": ["Directory", "See people of your organisation"],
  "admin.directory.user.readonly": ["Directory", "See who is in your organisation"],
  "drive.file": ["Own Drive files", "See and change files made or opened here"],
  "drive.readonly": ["Read Drive", "See and download your Drive files"],
  "meetings.space.created": ["Meet rooms", "Create video rooms and see those made here"],
  spreadsheets: ["Spreadsheets", "See and change your spreadsheets"],
  "spreadsheets.readonly": ["Read spreadsheets", "See your spreadsheets"],
};

export interface ScopeText {
  scope: string;
  title: string;
  detail: string;
}

const aliases: Record<string, string> = { email: "userinfo.email", profile: "userinfo.profile" };

/** The end of a scope's address: "gmail.readonly". */
export const shortScope = (scope: string): string =>
  scope.replace(/^https:\/\/www\.googleapis\.com\/auth\//, "").replace(/^https:\/\/(mail\.google\.com)\/?$/, "$1");

export function scopeText(scope: string): ScopeText {
  const short = shortScope(scope);
  const [title, detail] = known[aliases[short] ?? short] ?? [short, ""];
  return { scope, title, detail };
}

/** The service whose consent asks for a scope: what a one-click repair has to ask for. */
export function serviceOfScope(scope: string): "gmail" | "calendar" | "contacts" | undefined {
  const short = shortScope(scope);
  if (/^(gmail\.|mail\.google\.com)/.test(short)) return "gmail";
  if (/^calendar/.test(short)) return "calendar";
  if (/^contacts/.test(short)) return "contacts";
  return undefined;
}

/** What a consent has to ask for so that nothing is missing any more. */
export function repairServices(missing: { scope: string }[]): ("gmail" | "calendar" | "contacts")[] {
  const services = missing.map((m) => serviceOfScope(m.scope)).filter((s) => s !== undefined);
  return services.length > 0 ? [...new Set(services)] : ["gmail"];
}

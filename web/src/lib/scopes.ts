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
};

export interface ScopeText {
  scope: string;
  title: string;
  detail: string;
}

const aliases: Record<string, string> = { email: "userinfo.email", profile: "userinfo.profile" };

export function scopeText(scope: string): ScopeText {
  const short = scope
    .replace(/^https:\/\/www\.googleapis\.com\/auth\//, "")
    .replace(/^https:\/\/(mail\.google\.com)\/?$/, "$1");
  const [title, detail] = known[aliases[short] ?? short] ?? [short, ""];
  return { scope, title, detail };
}
